"""Widths and resolutions that no fixture has, read from keys and shapes.

Expected images come from `tests.weights.native`, float64 and independent of the package.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest

from pmsfc_jax.weights.reader.checkpoint import read_checkpoint
from tests.weights import native
from tests.weights.conversion import TOLERANCE, converted, error, normalised, through_cuts
from tests.weights.state_dicts import find_state_dicts

LATENT = 5
#: 4x4 alone, and growing and shrinking; one deeper network, and one with equal neighbours.
WIDTHS = [(6,), (4, 7, 5)]
MORE = [("mganprior", (4, 7, 5, 8, 6)), ("genforce fused", (4, 4, 7))]


class Codebase(NamedTuple):
    """How to draw, run and convert one layout; a cut's feature may be after the codebase's norm."""

    draw: Any
    forward: Any
    options: dict = {}  # noqa: RUF012 - never changed
    drawn_with: dict = {}  # noqa: RUF012
    run_with: dict = {}  # noqa: RUF012
    norm_last: tuple[str, ...] | None = None


PLAIN, FUSED = {}, {"fused": True}
CODEBASES = {
    "mganprior": Codebase(native.draw_mganprior, native.forward_mganprior),
    "mganprior fused": Codebase(native.draw_mganprior, native.forward_mganprior, {}, FUSED),
    "genforce": Codebase(native.draw_genforce, native.forward_genforce),
    "genforce fused": Codebase(native.draw_genforce, native.forward_genforce, FUSED, FUSED, FUSED),
    "ptrblck": Codebase(native.draw_ptrblck, native.forward_ptrblck),
    "gandissect": Codebase(native.draw_gandissect, native.forward_gandissect, {"output": "linear"}),
    "gandissect clip": Codebase(
        native.draw_gandissect,
        native.forward_gandissect,
        {"output": "clip"},
        {},
        {"output": "clip"},
    ),
    "gandissect scaled": Codebase(
        native.draw_gandissect,
        native.forward_gandissect,
        {"output": "linear"},
        {"stored_scale": True},
    ),
    "zoo": Codebase(
        native.draw_zoo,
        native.forward_zoo,
        {"output": "tanh", "equalised": True, "slope": 0.3},
        {},
        {"output": "tanh", "slope": 0.3},
        ("scale",),
    ),
    "zoo noeql": Codebase(
        native.draw_zoo,
        native.forward_zoo,
        {"output": "linear", "equalised": False},
        {"wrapper": ""},
        {"equalised": False},
        ("scale",),
    ),
    "akanimax": Codebase(
        native.draw_akanimax, native.forward_akanimax, {"equalised": True}, norm_last=("layers",)
    ),
    "akanimax noeql": Codebase(
        native.draw_akanimax,
        native.forward_akanimax,
        {"equalised": False},
        {"equalised": False},
        {"equalised": False},
        ("layers",),
    ),
    "akanimax v2": Codebase(
        native.draw_akanimax,
        native.forward_akanimax,
        {"equalised": True},
        {"version": 2},
        {"version": 2},
        ("initial_block", "layers"),
    ),
    "rosinality": Codebase(
        native.draw_rosinality, native.forward_rosinality, {"label": 2}, {}, {"label": 2}
    ),
    "tf": Codebase(native.draw_tf, native.forward_tf, norm_last=("",)),
    "tf fused": Codebase(native.draw_tf, native.forward_tf, {}, FUSED, {}, ("",)),
}


def latents(dimension=LATENT, scale=2.0):
    return scale * np.random.default_rng(3).standard_normal((2, dimension))


def check(conversion, z, image, features, norm_last):
    pairs = through_cuts(conversion, z)
    assert len(pairs) == len(conversion.architecture["widths"])
    for _, ours in pairs:
        assert error(ours, image) < TOLERANCE
    for cut, expected in features.items():
        ours, _ = pairs[conversion.native_cuts[cut]]
        ours = normalised(ours) if norm_last and cut.startswith(norm_last) else ours
        assert error(ours, expected) < TOLERANCE


@pytest.mark.parametrize(
    ("codebase", "widths"), [(name, w) for name in CODEBASES for w in WIDTHS] + MORE, ids=str
)
def test_architecture_is_read_from_shapes(codebase, widths):
    facts = CODEBASES[codebase]
    arrays = facts.draw(1, LATENT, widths, **facts.drawn_with)
    stop = {"step": len(widths) - 1} if codebase == "rosinality" else {}
    z = latents()
    image, features = facts.forward(arrays, z, **facts.run_with, **stop)
    conversion = converted(arrays, **facts.options, **stop)
    assert conversion.architecture["widths"] == tuple(w for w in widths for _ in (0, 1))
    check(conversion, z, image, features, facts.norm_last)


@pytest.mark.parametrize(("step", "alpha"), [(1, 1.0), (2, 0.25), (3, 1.0)])
def test_odegeasslbc_has_three_layers_at_4x4(step, alpha):
    arrays = native.draw_odegeasslbc(1, LATENT, 6)
    options = {"step": step, "output": "linear", "alpha": alpha}
    image, features = native.forward_odegeasslbc(arrays, latents(), **options)
    conversion = converted(arrays, **options)
    assert conversion.architecture["widths"] == (6,) * (3 + 2 * step)
    pairs = through_cuts(conversion, latents())
    for _, ours in pairs:
        assert error(ours, image) < TOLERANCE
    for cut in [f"progression_{side}" for side in native.SIDES[: step + (alpha == 1)]]:
        ours, _ = pairs[conversion.native_cuts[cut]]
        assert error(ours, features[cut]) < TOLERANCE


@pytest.mark.parametrize(
    ("draw", "forward", "lod"),
    [
        (native.draw_mganprior, native.forward_mganprior, 1.4),
        (native.draw_mganprior, native.forward_mganprior, 2.0),
        (native.draw_genforce, native.forward_genforce, 1.4),
        (native.draw_genforce, native.forward_genforce, 0.75),
        (native.draw_tf, native.forward_tf, 1.4),
        (native.draw_tf, native.forward_tf, 2.0),
    ],
)
@pytest.mark.parametrize("given", [True, False], ids=["given", "stored"])
def test_level_of_detail(draw, forward, lod, given):
    arrays = draw(2, LATENT, (4, 7, 5))
    if not given:
        arrays["lod"] = np.float32(lod)
    image, _ = forward(arrays, latents(), lod=float(np.float32(lod)))
    conversion = converted(arrays, **({"lod": lod} if given else {}))
    for _, ours in through_cuts(conversion, latents()):
        assert error(ours, image) < TOLERANCE


@pytest.mark.parametrize(
    ("codebase", "extra"),
    [
        ("zoo", {"alpha": 0.25}),
        ("akanimax", {"alpha": 0.25}),
        ("akanimax", {"alpha": 0.25, "depth": 3}),
        ("akanimax", {"depth": 2}),
        ("akanimax v2", {"depth": 2}),
        ("rosinality", {"alpha": 0.25, "step": 2}),
        ("rosinality", {"alpha": 0.25, "step": 1}),
    ],
)
def test_growing(codebase, extra):
    facts = CODEBASES[codebase]
    arrays = facts.draw(4, LATENT, (4, 7, 5), **facts.drawn_with)
    image, _ = facts.forward(arrays, latents(), **facts.run_with, **extra)
    for _, ours in through_cuts(converted(arrays, **facts.options, **extra), latents()):
        assert error(ours, image) < TOLERANCE


@pytest.mark.parametrize("stored_fused", [False, True])
def test_only_an_answer_tells_square_fused_layers(stored_fused):
    """Where every upsampling layer is square, the released converter's choice is the default."""
    arrays = native.draw_genforce(5, LATENT, (4, 4), fused=stored_fused)
    image, _ = native.forward_genforce(arrays, latents(), fused=stored_fused)
    errors = {
        fused: error(through_cuts(converted(arrays, fused=fused), latents())[-1][1], image)
        for fused in (False, True)
    }
    assert errors[stored_fused] < TOLERANCE
    assert errors[not stored_fused] > 0.02
    by_default = through_cuts(converted(arrays), latents())[-1][1]
    assert (error(by_default, image) < TOLERANCE) is not stored_fused


def test_codes_of_another_norm_show_where_the_network_normalises():
    """The same direction at another length gives the same image, except without that norm."""
    for codebase, facts in CODEBASES.items():
        arrays = facts.draw(6, LATENT, (4, 7), **facts.drawn_with)
        stop = {"step": 1} if codebase == "rosinality" else {}
        conversion = converted(arrays, **facts.options, **stop)
        near, far = (through_cuts(conversion, latents(scale=s))[-1][1] for s in (1.0, 4.0))
        assert (error(far, near) < TOLERANCE) is (codebase != "akanimax v2")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("folder", "forward", "options", "keys"),
    [
        ("mganprior", native.forward_mganprior, {}, None),
        ("mganprior_fused", native.forward_mganprior, {}, None),
        ("genforce", native.forward_genforce, {}, "generator_smooth"),
        ("genforce_fused", native.forward_genforce, FUSED, "generator_smooth"),
        ("ptrblck", native.forward_ptrblck, {}, None),
        ("gandissect", native.forward_gandissect, {}, None),
        ("zoo", native.forward_zoo, {}, "avgG"),
        ("akanimax", native.forward_akanimax, {}, "shadow_generator.state_dict"),
        (
            "akanimax_noeql",
            native.forward_akanimax,
            {"equalised": False},
            "shadow_generator.state_dict",
        ),
        ("akanimax_v2", native.forward_akanimax, {"version": 2}, None),
        ("rosinality", native.forward_rosinality, {"step": 3}, None),
        ("odegeasslbc", native.forward_odegeasslbc, {"step": 3}, None),
        ("tf", native.forward_tf, {}, "2"),
        ("tf_fused", native.forward_tf, {}, "2"),
    ],
)
def test_the_reference_is_right(shared, folder, forward, options, keys):
    """What the expectations above come from agrees with each codebase's own network."""
    folder = shared / "checkpoints" / f"pggan_{folder}"
    path = next(iter(sorted(folder.glob("checkpoint.*"))))
    io = np.load(folder / "io.npz")
    options = options | ({"label": int(io["label"][0])} if "label" in io else {})
    arrays = find_state_dicts(read_checkpoint(path).tree)[keys or ""]
    image, features = forward(arrays, io["z"][:1].astype(np.float64), **options)
    assert error(image, io["image"][:1]) < 2e-5
    for cut, feature in features.items():
        if f"feat__{cut}" in io:
            assert error(feature, io[f"feat__{cut}"][:1]) < 2e-5
