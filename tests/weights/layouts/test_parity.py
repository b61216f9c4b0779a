"""Every fixture of every PGGAN codebase: image and features as that codebase's own network gave."""

from typing import NamedTuple

import chex
import numpy as np
import pytest

from tests.weights.conversion import (
    TOLERANCE,
    converted_file,
    error,
    normalised,
    through_cuts,
)

pytestmark = pytest.mark.shared


class Case(NamedTuple):
    """One conversion of one file, and what in ``io.npz`` it has to give."""

    folder: str
    file: str
    options: dict
    image: str = "image"
    which: str | None = None
    z: str = "z"
    rows: tuple[int, ...] = (0, 1, 2)


EQUALISED = {"equalised": True}
NOCONFIG = {"output": "linear", "equalised": True}
TANH = {"step": 3, "output": "tanh"}

CASES = [
    Case("pggan_mganprior", "checkpoint.pth", {}),
    Case("pggan_mganprior_fused", "checkpoint.pth", {}),
    *(
        Case(f"pggan_mganprior{kind}", "checkpoint.pth", {"lod": lod}, f"image_lod{lod}")
        for kind in ("", "_fused")
        for lod in (1, 2, 0.5)
    ),
    Case("pggan_genforce", "checkpoint.pth", {}),
    Case("pggan_genforce_fused", "checkpoint.pth", {}),
    *(
        Case(folder, "checkpoint.pth", {"lod": lod}, f"image_lod{lod}")
        for folder in ("pggan_genforce", "pggan_genforce_fused")
        for lod in (1, 2, 0.3)
    ),
    *(
        Case(folder, "checkpoint.pth", {}, "image_generator_not_ema", which="generator")
        for folder in ("pggan_genforce", "pggan_genforce_fused")
    ),
    Case("pggan_ptrblck", "checkpoint.pth", {}),
    Case("pggan_gandissect", "checkpoint.pth", {"output": "linear"}),
    Case("pggan_gandissect", "checkpoint_with_scale.pth", {"output": "linear"}),
    Case("pggan_gandissect", "checkpoint.pth", {"output": "clip"}, "image_output_tanh"),
    Case("pggan_zoo", "checkpoint.pth", {}),
    Case("pggan_zoo", "checkpoint.pth", {}, "image_netG", which="netG"),
    Case("pggan_zoo", "checkpoint.pth", {"alpha": 0.3}, "image_alpha0_3"),
    *(
        case
        for folder in ("pggan_akanimax", "pggan_akanimax_noeql")
        for case in (
            Case(folder, "checkpoint.bin", {}),
            Case(folder, "checkpoint.bin", {}, "image_generator_not_shadow", which="generator"),
            Case(folder, "checkpoint.bin", {"alpha": 0.3}, "image_alpha0_3"),
            Case(folder, "checkpoint.bin", {"depth": 3}, "image_depth3"),
        )
    ),
    Case("pggan_akanimax_v2", "checkpoint.pth", EQUALISED),
    Case("pggan_akanimax_v2", "checkpoint.pth", EQUALISED, "image_z_sphere", z="z_sphere"),
    Case("pggan_akanimax_v2", "checkpoint.pth", EQUALISED | {"alpha": 0.3}, "image_alpha0_3"),
    *(
        # Each of the three codes was drawn with a class of its own.
        Case("pggan_rosinality", file, {"row": row} | options, image, rows=(row,))
        for row in (0, 1, 2)
        for file, options, image in (
            ("checkpoint.model", {"step": 3}, "image"),
            ("checkpoint.model", {"step": 3, "alpha": 0.3}, "image_alpha0_3"),
            ("checkpoint.model", {"step": 2}, "image_step2"),
            ("checkpoint.model", {"step": 0}, "image_step0"),
        )
    ),
    Case("pggan_odegeasslbc", "checkpoint.model", TANH),
    Case("pggan_odegeasslbc", "checkpoint.model", TANH | {"alpha": 0.3}, "image_alpha0_3"),
    Case("pggan_odegeasslbc", "checkpoint.model", TANH | {"step": 1}, "image_step1"),
    Case("pggan_tf", "checkpoint.pkl", {}),
    Case("pggan_tf_fused", "checkpoint.pkl", {}),
    *(
        case
        for folder in ("pggan_tf", "pggan_tf_fused")
        for case in (
            Case(folder, "checkpoint.pkl", {}, "image_G_not_ema", which="G"),
            Case(folder, "checkpoint.pkl", {"lod": 1}, "image_lod1"),
            Case(folder, "checkpoint.pkl", {"lod": 0.3}, "image_lod0.3"),
        )
    ),
]
#: Folder, file, the file that holds the same network, options for both.
SAME = [
    ("pggan_mganprior", "checkpoint_legacy.pth", "checkpoint.pth", {}),
    ("pggan_mganprior_fused", "checkpoint_legacy.pth", "checkpoint.pth", {}),
    ("pggan_genforce", "checkpoint_runner.pth", "checkpoint.pth", {}),
    ("pggan_ptrblck", "checkpoint_zip.pth", "checkpoint.pth", {}),
    ("pggan_gandissect", "checkpoint_wrapped.pth", "checkpoint.pth", {"output": "linear"}),
    ("pggan_zoo", "checkpoint_zip.pth", "checkpoint.pth", {}),
    ("pggan_zoo", "checkpoint_nomodule.pth", "checkpoint.pth", {}),
    ("pggan_zoo", "checkpoint_noconfig.pth", "checkpoint.pth", NOCONFIG),
    ("pggan_akanimax", "checkpoint_noema.bin", "checkpoint.bin", {}),
    ("pggan_akanimax_v2", "checkpoint_dataparallel.pth", "checkpoint.pth", EQUALISED),
    *(
        (
            "pggan_rosinality",
            "checkpoint_state_dict.pt",
            "checkpoint.model",
            {"step": 3, "label": n},
        )
        for n in range(4)
    ),
    ("pggan_tf", "checkpoint_np2.pkl", "checkpoint.pkl", {}),
    ("pggan_tf", "Gs_variables.pkl", "checkpoint.pkl", {}),
]
#: Codebases whose own tensor at a cut is the one after the pixel norm.
NORMALISED = ("pggan_zoo", "pggan_akanimax", "pggan_tf")


def convert(shared, case):
    folder = shared / "checkpoints" / case.folder
    io = np.load(folder / "io.npz")
    options = dict(case.options)
    if "row" in options:
        options["label"] = int(io["label"][options.pop("row")])
    return converted_file(folder / case.file, case.which, **options), io


def name(case):
    options = ",".join(f"{key}={value}" for key, value in case.options.items())
    return "-".join(filter(None, (case.folder, case.file, options, case.which, case.z)))


@pytest.mark.parametrize("case", CASES, ids=name)
def test_images_and_features_at_every_cut(shared, case):
    conversion, io = convert(shared, case)
    rows = list(case.rows)
    pairs = through_cuts(conversion, io[case.z][rows])
    assert len(pairs) >= 2
    for _, image in pairs:
        assert error(image, io[case.image][rows]) < TOLERANCE
    if case.image != "image":
        return
    stored = {key.removeprefix("feat__"): io[key] for key in io.files if key.startswith("feat__")}
    assert len(stored) == 3
    for cut, expected in stored.items():
        feature, _ = pairs[conversion.native_cuts[cut]]
        feature = normalised(feature) if case.folder.startswith(NORMALISED) else feature
        assert error(feature, expected[rows]) < TOLERANCE


@pytest.mark.parametrize(("folder", "file", "like", "options"), SAME, ids=str)
def test_other_files_of_a_network_hold_the_same(shared, folder, file, like, options):
    folder = shared / "checkpoints" / folder
    ours, theirs = (converted_file(folder / name, **options) for name in (file, like))
    assert ours.architecture == theirs.architecture
    chex.assert_trees_all_equal(ours.params, theirs.params)


def test_all_files_are_covered(shared):
    there = {
        f"{path.parent.name}/{path.name}"
        for path in (shared / "checkpoints").glob("pggan_*/*")
        if path.suffix not in (".npz", ".json")
    }
    covered = {f"{case.folder}/{case.file}" for case in CASES}
    assert covered | {f"{folder}/{file}" for folder, file, _, _ in SAME} == there
