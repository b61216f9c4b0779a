"""Whole inversions from the command line, as a user runs them."""

import csv
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import pmsfc_jax as pm
from pmsfc_jax.core.images import to_uint8
from pmsfc_jax.io.codes import load_codes
from pmsfc_jax.metrics.lpips import layer_distances
from pmsfc_jax.registry import load_lpips
from pmsfc_jax.weights.convert import convert_checkpoint
from tests.weights.native_judges import draw_vgg

SHORT = ("--generator", "plain", "--steps", "10", "--num-subspaces", "2", "--codes", "2")


@pytest.fixture
def invert(pmsfc, photos):
    def call(out, *more, source=None):
        return pmsfc("invert", source or photos, "--out", out, *SHORT, *more)

    return call


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return tmp_path_factory.mktemp("finished") / "run"


@pytest.fixture
def run(finished, invert):
    """A finished run; made once, by the first test that asks."""
    if not finished.exists():
        code, out, err = invert(finished)
        assert code == 0, err
        assert "mean" in out
    return finished


def rows(run):
    with (run / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_run_holds_everything(run, photos):
    names = ["p0", "p1", "p2"]
    for folder, suffix in (("images", "png"), ("targets", "png"), ("codes", "npz")):
        assert sorted(p.name for p in (run / folder).iterdir()) == [f"{n}.{suffix}" for n in names]
    with Image.open(run / "sheet.png") as sheet:
        assert sheet.size[0] > 200
    target = np.asarray(Image.open(run / "targets" / "p0.png"))
    np.testing.assert_array_equal(target, np.asarray(Image.open(photos / "p0.png")))
    config = json.loads((run / "config.json").read_text())
    assert config["inversion"]["composition"] == "pmsfc_full"
    assert config["inversion"]["layer"] == 4
    assert config["perceptual"] is None


def test_metrics_are_those_of_the_saved_pictures(run):
    found = rows(run)
    assert [row["image"] for row in found] == ["p0", "p1", "p2"]
    for row in found:
        pair = [
            np.asarray(Image.open(run / folder / f"{row['image']}.png"), np.float64) / 255
            for folder in ("targets", "images")
        ]
        expected = -10 * np.log10(np.mean((pair[0] - pair[1]) ** 2))
        assert abs(float(row["psnr_db"]) - expected) < 2e-3
        assert float(row["seconds"]) > 0


def test_codes_carry_what_is_needed_to_draw_them(run, weights_dir):
    generator, params = pm.load_generator("plain", weights_dir=weights_dir)
    codes = load_codes(run / "codes" / "p1.npz")
    assert codes.identity == generator.spec.identity
    assert codes.latent.shape == (1, 2, 2, 6)
    assert codes.losses.shape == (1, 10)
    image = pm.render(generator, params, run / "codes" / "p1.npz")
    saved = np.asarray(Image.open(run / "images" / "p1.png"))
    np.testing.assert_array_equal(to_uint8(image)[0], saved)


def test_render_redraws_bit_for_bit(run, pmsfc, tmp_path):
    code, _, _ = pmsfc("render", run, "--out", tmp_path)
    assert code == 0
    for name in ("p0", "p1", "p2"):
        drawn, saved = (folder / f"{name}.png" for folder in (tmp_path, run / "images"))
        assert drawn.read_bytes() == saved.read_bytes()


def test_the_same_command_keeps_what_is_finished(run, invert, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "codes" / "p1.npz").unlink()
    before = {p.name: p.stat().st_mtime_ns for p in (copy / "codes").iterdir()}
    code, _, err = invert(copy)
    assert code == 0
    assert "2 images were finished before" in err
    after = {p.name: p.stat().st_mtime_ns for p in (copy / "codes").iterdir()}
    assert {name: after[name] for name in before} == before
    assert (copy / "images" / "p1.png").read_bytes() == (run / "images" / "p1.png").read_bytes()
    assert [row["psnr_db"] for row in rows(copy)] == [row["psnr_db"] for row in rows(run)]


def test_other_settings_need_another_folder(run, invert, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    code, _, err = invert(copy, "--seed", "1")
    assert code == 2
    assert "other settings (--seed)" in err
    code, _, _ = invert(copy, "--seed", "1", "--overwrite")
    assert code == 0
    assert json.loads((copy / "config.json").read_text())["seed"] == 1


def test_a_folder_with_other_things_is_left_alone(invert, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    code, _, err = invert(tmp_path)
    assert code == 2
    assert "holds no run" in err
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_bad_photograph_is_left_out_and_told(run, invert, photos, tmp_path):
    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff but no more")
    code, _, err = invert(tmp_path / "run", source=folder)
    assert code == 1
    assert "left out" in err
    assert "broken.jpg" in err
    assert [row["image"] for row in rows(tmp_path / "run")] == ["p0", "p1", "p2"]
    np.testing.assert_array_equal(
        load_codes(tmp_path / "run" / "codes" / "p2.npz").latent,
        load_codes(run / "codes" / "p2.npz").latent,
    )


def test_only_bad_photographs_are_an_error(invert, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    code, _, err = invert(tmp_path / "run", source=tmp_path)
    assert code == 2
    assert "none of the photographs" in err
    assert not (tmp_path / "run").exists()


MISTAKES = [
    (("--generator", "nothing"), "nothing"),
    (("--layer", "99"), "has no layer 99"),
    (("--steps", "0"), "--steps must be at least 1"),
    (("--codes", "0"), "--codes must be at least 1"),
    (("--num-subspaces", "500"), "--num-subspaces is 500"),
    (("--perceptual-weight", "0.1"), "no perceptual network"),
    (("--subspaces", "/nonexistent"), "nonexistent"),
    (("--method", "single"), "set --codes to 1"),
    (("--pixel-weight", "-1"), "--pixel-weight must be 0 or more"),
    (("--history", "3", "--optimiser", "adam"), "--history is a setting of lbfgs, not of adam"),
    (("--crop", "left"), "there is no crop 'left'"),
    (("--perceptual", "judged"), "give --perceptual-weight"),
    (("--optimiser", "lbgfs"), "did you mean lbfgs?"),
    (("--stpes", "5"), "there is no option --stpes: did you mean --steps?"),
    (("--steps", "many"), "--steps is 'many': give a whole number"),
]


@pytest.mark.parametrize(("more", "message"), MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing(invert, tmp_path, more, message):
    code, out, err = invert(tmp_path / "run", *more)
    assert code == 2
    assert out == ""
    error = [line for line in err.splitlines() if line.startswith("pmsfc invert: error:")]
    assert len(error) == 1
    assert message in error[0]
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("more", [("--layer", "99"), ("--num-subspaces", "500")])
def test_after_a_mistake_the_run_is_as_it_was(run, invert, tmp_path, more):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    assert invert(copy, *more, "--overwrite")[0] == 2
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_discovered_subspaces_can_be_given(pmsfc, invert, tmp_path):
    found = ("discover", "plain", "--layer", "3", "--num-subspaces", "3", "--num-samples", "200")
    code, out, _ = pmsfc(*found, "--out", tmp_path / "subspaces")
    assert code == 0
    assert "layer 3: 3 subspaces of" in out
    assert "held-out" in out
    code, _, err = invert(tmp_path / "run", "--subspaces", tmp_path / "subspaces")
    assert code == 0, err
    assert load_codes(tmp_path / "run" / "codes" / "p0.npz").masks.shape == (3, 12)
    again = pm.load_subspaces(tmp_path / "run")
    assert again.discovery.settings.latents.num_samples == 200


def test_a_random_partition_has_the_same_sizes(run, invert, tmp_path):
    code, _, _ = invert(tmp_path / "run", "--partition", "random")
    assert code == 0
    ours, control = pm.load_subspaces(run), pm.load_subspaces(tmp_path / "run")
    assert sorted(ours.sizes) == sorted(control.sizes)
    assert (np.asarray(ours.labels) != np.asarray(control.labels)).any()


@pytest.mark.parametrize("method", ["mganprior", "single"])
def test_the_baselines(pmsfc, photos, tmp_path, method):
    code, _, err = pmsfc(
        "invert", photos, "--out", tmp_path / "run", "--generator", "plain", "--steps", "5",
        "--method", method,
    )  # fmt: skip
    assert code == 0, err
    codes = load_codes(tmp_path / "run" / "codes" / "p0.npz")
    assert codes.composition == method
    assert codes.latent.shape[1] == 1
    assert codes.latent.shape[2] == {"mganprior": 16, "single": 1}[method]


@pytest.mark.slow
def test_the_discriminator_is_used_where_it_is_stored_and_has_a_weight(pmsfc, photos, tmp_path):
    words = ("invert", photos, "--out", tmp_path / "run", "--steps", "3", "--generator", "judged")
    code, _, err = pmsfc(*words, "--perceptual-weight", "0.1")
    assert code == 0
    assert "V = " in err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["perceptual"]
    assert config["inversion"]["objective"]["perceptual_weight"] == 0.1
    assert len(config["perceptual"]["sha256"]) == 64


def test_codes_of_an_earlier_run_are_gone_on_from(run, invert, weights_dir, tmp_path):
    out = tmp_path / "more"
    code, _, err = invert(out, "--start-from", run)
    assert code == 0, err
    first, second = ({row["image"]: row for row in rows(folder)} for folder in (run, out))
    for name in first:
        # The first step of the second run evaluates the codes that the first run kept.
        before, after = (load_codes(folder / "codes" / f"{name}.npz") for folder in (run, out))
        assert after.losses[0, 0] == pytest.approx(before.losses.min(), rel=1e-5)
        assert float(second[name]["loss"]) < float(first[name]["loss"])
    assert (out / "subspaces.npz").exists()
    # The same command keeps what is finished, another start is another run.
    assert "3 images were finished before" in invert(out, "--start-from", run)[2]
    code, _, err = invert(out, "--start-from", out)
    assert code == 2
    assert "other settings (--start-from)" in err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--method", "mganprior"), "give --method pmsfc_full --layer"),
        (("--partition", "random"), "leave --partition out"),
        (("--layer", "2"), "use one layer for both"),
    ],
)
def test_a_start_of_another_kind_is_refused(run, invert, tmp_path, more, message):
    code, _, err = invert(tmp_path / "more", "--start-from", run, *more)
    assert code == 2
    assert message in err
    assert not (tmp_path / "more").exists()


def test_a_start_of_another_partition_is_refused(run, pmsfc, invert, tmp_path):
    folder = tmp_path / "subspaces"
    words = ("--layer", "4", "--num-subspaces", "2", "--seed", "5", "--no-report")
    assert pmsfc("discover", "plain", "--out", folder, *words)[0] == 0
    subspaces = pm.load_subspaces(folder)
    shuffled = pm.random_subspaces(subspaces, jax.random.key(1))
    pm.save_subspaces(folder / "subspaces.npz", shuffled, seed=5)
    code, _, err = invert(tmp_path / "more", "--start-from", run, "--subspaces", folder)
    assert code == 2
    assert "of another partition of the channels" in err


def test_a_start_without_codes_is_refused(run, invert, photos, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    # Photographs are known by their bytes: one that has another name now has codes.
    shutil.copy(photos / "p0.png", other / "renamed.png")
    code, _, err = invert(tmp_path / "renamed", "--start-from", run, source=other)
    assert code == 0, err
    (other / "p0.png").write_bytes((photos / "p0.png").read_bytes() + b"changed")
    code, _, err = invert(tmp_path / "more", "--start-from", run, source=other)
    assert code == 2
    assert "has no codes of p0: leave this photograph out" in err
    code, _, err = invert(tmp_path / "more", "--start-from", tmp_path / "nothing")
    assert code == 2
    assert "holds no codes" in err


@pytest.mark.slow
def test_lpips_can_be_the_objective(pmsfc, photos, weights_dir, tmp_path):
    widths = (2, 3, 4, 2, 3)
    heads = {f"lin{k}.model.1.weight": np.ones((1, w, 1, 1)) for k, w in enumerate(widths)}
    for name, arrays in (("vgg", draw_vgg(widths)), ("heads", heads)):
        np.savez(tmp_path / f"{name}.npz", **arrays)
        convert_checkpoint(tmp_path / f"{name}.npz", name, weights_dir=tmp_path)
    plain = weights_dir / "plain"
    words = ["invert", photos, "--generator", plain, "--weights-dir", tmp_path, "--steps", "20"]
    words += ["--lpips-heads", "heads", "--pixel-weight", "0", "--perceptual-weight", "1"]
    out = tmp_path / "run"
    code, _, err = pmsfc(*words, "--out", out, "--perceptual", "vgg", weights=False)
    assert code == 0, err
    config = json.loads((out / "config.json").read_text())
    assert config["perceptual"]["name"] == "heads/lpips"
    assert config["inversion"]["objective"]["perceptual_norm"] == "l2"
    # The objective is LPIPS and nothing else.
    generator, params = pm.load_generator(plain)
    lpips = load_lpips("vgg", "heads", weights_dir=tmp_path)
    for row in rows(out):
        drawn = pm.render(generator, params, out / "codes" / f"{row['image']}.npz")
        [target] = pm.load_images(out / "targets" / f"{row['image']}.png", generator)
        distance = layer_distances(lpips, jnp.asarray(drawn), target[None]).sum()
        assert float(row["loss"]) == pytest.approx(float(distance), rel=1e-3)
    for more, message in (
        (("--perceptual", "vgg", "--perceptual-norm", "l1"), "set --perceptual-norm to l2"),
        ((), "give --perceptual with --lpips-heads"),
    ):
        code, _, err = pmsfc(*words, "--out", tmp_path / "other", *more, weights=False)
        assert code == 2
        assert message in err


def test_info_shows_layers(pmsfc):
    code, out, _ = pmsfc("info", "judged")
    assert code == 0
    assert "image 16x16x3" in out
    assert "8x8x12" in out
    assert out.count("\n") >= 10
    code, _, err = pmsfc("info", "nobody")
    assert code == 2
    assert "plain" in err  # what there is


def test_rendering_with_other_weights_is_refused(run, pmsfc, weights_dir, tmp_path):
    other = tmp_path / "weights"
    shutil.copytree(weights_dir / "judged", other / "judged")
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    text = (copy / "config.json").read_text().replace('"plain"', '"judged"')
    (copy / "config.json").write_text(text)
    # Same arrays and architecture are the same weights, whatever else is in their folder.
    code, _, _ = pmsfc("render", copy)
    assert code == 0
    codes = load_codes(copy / "codes" / "p0.npz")
    from pmsfc_jax.io.codes import save_codes

    save_codes(copy / "codes" / "p0.npz", codes._replace(identity="0" * 64))
    code, _, err = pmsfc("render", copy)
    assert code == 2
    assert "found with plain (weights 000000000000)" in err


def test_render_of_no_run_is_refused(pmsfc, tmp_path):
    code, _, err = pmsfc("render", tmp_path)
    assert code == 2
    assert "holds no codes" in err
