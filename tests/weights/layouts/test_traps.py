"""Each thing that is easy to get wrong about a codebase, got wrong on purpose.

A trap is an undoing of one piece of handling. The conversion as it is gives the codebase's image;
with the handling undone it must be far off, or the fixture could not tell whether we handle it.
"""

import copy
from dataclasses import replace

import jax
import numpy as np
import pytest

from pmsfc_jax.nn import pggan
from pmsfc_jax.weights.layouts.pggan import mganprior as pggan_mganprior
from pmsfc_jax.weights.layouts.pggan.growth import at_lod
from tests.weights.conversion import TOLERANCE, converted_file, error, image_of, short
from tests.weights.maths import pixel_norm

pytestmark = [pytest.mark.shared, pytest.mark.slow]

#: How far off, relative to the image: some hundred times the tolerance of parity.
FAR = 0.02


# Undoings: each changes (config, params) as they would be without one piece of handling.


def kernels(change, *layers):
    def undo(config, params):
        for name, layer in params.items():
            if name in layers or (not layers and name.startswith("conv")):
                layer["kernel"] = change(layer["kernel"])
        return config, params

    return undo


def turned(*layers):
    """Kernels rotated by half a turn."""

    def change(kernel):
        first = kernel.shape[1:3] == (4, 4)
        return np.flip(kernel, (1, 2) if first else (0, 1)).copy()

    return kernels(change, *layers)


def times(factor, *layers):
    return kernels(lambda kernel: kernel * np.float32(factor), *layers)


def swapped(*layers):
    """Input and output channels mixed up, where they are as many."""
    return kernels(lambda kernel: kernel.swapaxes(2, 3).copy(), *layers)


def biases(change):
    def undo(config, params):
        for name, layer in params.items():
            if name.startswith("conv"):
                fan_in = np.prod(layer["kernel"].shape[:3]) if name != "conv0" else 0
                layer["bias"] = change(layer["bias"], fan_in).astype(np.float32)
        return config, params

    return undo


def config(**changes):
    return lambda old, params: (replace(old, **changes), params)


def unscaled(config, params):
    """No He constants."""
    for layer in range(1, len(config.widths)):
        kernel = params[f"conv{layer}"]["kernel"]
        kernel *= np.float32(np.sqrt(np.prod(kernel.shape[:3]) / 2))
    return config, params


def rescaled(old, params):
    """The He constant instead of a stored scale: kernels were drawn with deviation 1."""
    for name, layer in params.items():
        fan_in = layer["kernel"][..., 0].size if name != "conv0" else layer["kernel"].shape[0] * 16
        gain = 1 if name.startswith("rgb") else np.sqrt(2)
        layer["kernel"] *= np.float32(gain / np.sqrt(fan_in) / layer["kernel"].std())
    return old, params


def per_pixel_bias_lost(old, params):
    params["conv0"]["kernel"][-1] = params["conv0"]["kernel"][-1].mean((0, 1))
    return old, params


def label_normalised(old, params):
    params["label"] = pixel_norm(params["label"][None])[0].astype(np.float32)
    return old, params


def label_in_code(old, params):
    """The norm taken over code and embedding together, as it would be if they were joined first."""
    return replace(old, latent_dim=old.latent_dim + old.label_dim, label_dim=0), {
        name: layer for name, layer in params.items() if name != "label"
    }


def dense_channels_last(old, params):
    kernel = params["conv0"]["kernel"]
    flat = kernel.transpose(0, 3, 1, 2).reshape(len(kernel), 4, 4, -1)
    params["conv0"]["kernel"] = flat.copy()
    return old, params


NO_EQL = {"equalised": True}
V2 = {"equalised": True}
ROSINALITY = {"step": 3, "label": None}
ODEGEASSLBC = {"step": 3, "output": "tanh"}
GANDISSECT = {"output": "linear"}
UPSAMPLING = ("conv2", "conv4", "conv6")
ROOT2 = np.sqrt(2)

#: Folder, options of a right conversion, image, what is undone, the undoing.
TRAPS = [
    ("pggan_mganprior", {}, "image", "first kernel turned", turned("conv0")),
    ("pggan_mganprior", {}, "image", "run-time scale", unscaled),
    ("pggan_mganprior", {}, "image", "image gain 1", times(ROOT2, "rgb32")),
    ("pggan_mganprior", {}, "image", "norm before each layer", config(norm="preactivation")),
    ("pggan_mganprior", {}, "image", "code normalised", config(unnormalised=(0,))),
    ("pggan_mganprior", {}, "image", "image layer normalised", config(unnormalised=(8,))),
    ("pggan_mganprior", {}, "image", "slope", config(slope=0.1)),
    ("pggan_mganprior", {}, "image", "nearest", config(upsample="bilinear")),
    ("pggan_mganprior", {}, "image", "bias unscaled", biases(lambda b, n: b * 0.05)),
    ("pggan_mganprior_fused", {}, "image", "fused kernels turned", turned(*UPSAMPLING)),
    ("pggan_mganprior_fused", {}, "image", "fused HWIO", swapped("conv2")),
    ("pggan_genforce", {"lod": 0.3}, "image_lod0.3", "cross-fade", config(fade=1e-6)),
    ("pggan_genforce", {"lod": 0.3}, "image_lod0.3", "its direction", config(fade=0.7)),
    ("pggan_genforce_fused", {}, "image", "fused kernels turned", turned(*UPSAMPLING)),
    ("pggan_genforce_fused", {}, "image", "fused IOHW", swapped("conv2")),
    ("pggan_ptrblck", {}, "image", "stored scales", rescaled),
    ("pggan_ptrblck", {}, "image", "no flip", turned(*(f"conv{i}" for i in range(1, 8)))),
    (
        "pggan_gandissect",
        {"output": "clip"},
        "image_output_tanh",
        "clipped",
        config(output="linear"),
    ),
    ("pggan_gandissect", {"output": "clip"}, "image_output_tanh", "no tanh", config(output="tanh")),
    ("pggan_gandissect", GANDISSECT, "image", "not clipped", config(output="clip")),
    ("pggan_zoo", {}, "image", "bias scaled too", biases(lambda b, n: b * np.sqrt(max(n, 2) / 2))),
    ("pggan_zoo", {}, "image", "image gain sqrt 2", times(1 / ROOT2, "rgb32")),
    ("pggan_zoo", {}, "image", "bias for each pixel", per_pixel_bias_lost),
    ("pggan_zoo", {}, "image", "rows are C, 4, 4", dense_channels_last),
    ("pggan_zoo", {"alpha": 0.3}, "image_alpha0_3", "alpha is of the old", config(fade=0.7)),
    ("pggan_akanimax", {}, "image", "one norm fewer", config(unnormalised=())),
    ("pggan_akanimax", {}, "image", "first fan-in without 16", times(0.25, "conv0")),
    ("pggan_akanimax", {}, "image", "first kernel as it is", turned("conv0")),
    ("pggan_akanimax", {}, "image", "code normalised", config(unnormalised=(0, 1))),
    ("pggan_akanimax", {}, "image", "image gain sqrt 2", times(1 / ROOT2, "rgb32")),
    ("pggan_akanimax", {"alpha": 0.3}, "image_alpha0_3", "alpha is of the new", config(fade=0.3)),
    ("pggan_akanimax_v2", V2, "image", "code not normalised", config(unnormalised=(1,))),
    ("pggan_akanimax_v2", V2, "image", "one norm fewer", config(unnormalised=(0,))),
    ("pggan_akanimax_v2", V2, "image", "first fan-in without 16", times(0.25, "conv0")),
    ("pggan_rosinality", ROSINALITY, "image", "norm, then activation", config(norm="input")),
    ("pggan_rosinality", ROSINALITY, "image", "code normalised", config(latent_norm=False)),
    ("pggan_rosinality", ROSINALITY, "image", "class not normalised", label_normalised),
    ("pggan_rosinality", ROSINALITY, "image", "class after the norm", label_in_code),
    ("pggan_rosinality", ROSINALITY, "image", "image unscaled", times(ROOT2 / 4, "rgb32")),
    ("pggan_odegeasslbc", ODEGEASSLBC, "image", "norm, then activation", config(norm="input")),
    ("pggan_odegeasslbc", ODEGEASSLBC, "image", "code as it is", config(latent_norm=True)),
    ("pggan_odegeasslbc", ODEGEASSLBC, "image", "slope 0.1", config(slope=0.2)),
    ("pggan_odegeasslbc", ODEGEASSLBC, "image", "bilinear", config(upsample="nearest")),
    ("pggan_odegeasslbc", ODEGEASSLBC, "image", "tanh", config(output="linear")),
    ("pggan_odegeasslbc", ODEGEASSLBC, "image", "fan of outputs", times((24 / 40) ** 0.5, "conv0")),
    ("pggan_odegeasslbc", ODEGEASSLBC, "image", "image scaled", times(12**0.5, "rgb32")),
    ("pggan_odegeasslbc", ODEGEASSLBC, "image", "first kernel as it is", turned("conv0")),
    ("pggan_tf", {}, "image", "quarter of the gain", times(4, "conv0")),
    ("pggan_tf", {}, "image", "rows are C, 4, 4", dense_channels_last),
    ("pggan_tf", {}, "image", "HWIO", swapped("conv1")),
    ("pggan_tf", {}, "image", "image gain 1", times(ROOT2, "rgb32")),
    ("pggan_tf", {"lod": 0.3}, "image_lod0.3", "fades", config(fade=0.7)),
    ("pggan_tf_fused", {}, "image", "fused kernels turned", turned(*UPSAMPLING)),
    ("pggan_tf_fused", {}, "image", "fused HWOI", swapped("conv2")),
]


def convert(shared, folder, options):
    folder = shared / "checkpoints" / folder
    io = np.load(folder / "io.npz")
    path = next(p for p in sorted(folder.glob("checkpoint.*")))
    options = {k: int(io["label"][0]) if v is None else v for k, v in options.items()}
    return converted_file(path, **options), io


@pytest.mark.parametrize(("folder", "options", "image", "what", "undo"), TRAPS, ids=short)
def test_undone_handling_shows(shared, folder, options, image, what, undo):
    conversion, io = convert(shared, folder, options)
    rows = slice(0, 1) if "label" in io else slice(None)
    expected = io[image][rows]
    assert error(image_of(conversion, io["z"][rows]), expected) < TOLERANCE
    old = pggan.config_from_dict(conversion.architecture)
    new, params = undo(old, copy.deepcopy(conversion.params))
    z = io["z"][rows]
    if what == "class after the norm":
        z = np.concatenate([z, conversion.params["label"][None]], 1)
    architecture = {name: getattr(new, name) for name in conversion.architecture}
    undone = conversion._replace(architecture=architecture, params=params)
    assert error(image_of(undone, z), expected) > FAR


@pytest.mark.parametrize(
    ("folder", "averaged", "raw"),
    [
        ("pggan_genforce", "generator_smooth", "generator"),
        ("pggan_zoo", "avgG", "netG"),
        ("pggan_akanimax", "shadow_generator", "generator"),
        ("pggan_tf", "Gs", "G"),
    ],
)
def test_the_other_network_of_a_file_is_another(shared, folder, averaged, raw):
    path = next(p for p in sorted((shared / "checkpoints" / folder).glob("checkpoint.*")))
    by_default, named, other = (converted_file(path, which) for which in (None, averaged, raw))
    same = jax.tree.map(np.array_equal, by_default.params, named.params)
    assert all(jax.tree.leaves(same))
    for name, layer in by_default.params.items():
        if name != "label":
            assert not np.array_equal(layer["kernel"], other.params[name]["kernel"])


@pytest.mark.parametrize(
    ("folder", "wrong", "image"),
    [
        ("pggan_akanimax_noeql", {"equalised": True}, "image"),
        ("pggan_akanimax", {"equalised": False}, "image"),
        ("pggan_akanimax_v2", {"equalised": False}, "image"),
        ("pggan_odegeasslbc", {"step": 3, "output": "linear"}, "image"),
    ],
)
def test_a_wrong_answer_to_a_question_shows(shared, folder, wrong, image):
    conversion, io = convert(shared, folder, wrong)
    assert error(image_of(conversion, io["z"]), io[image]) > FAR


def test_the_class_shows(shared):
    conversion, io = convert(shared, "pggan_rosinality", {"step": 3, "label": None})
    others = [i for i in (1, 2) if io["label"][i] != io["label"][0]]
    assert others
    assert error(image_of(conversion, io["z"][others]), io["image"][others]) > FAR


def test_mganprior_does_not_fade(shared, monkeypatch):
    monkeypatch.setattr(pggan_mganprior, "at_lod", lambda stack, lod: at_lod(stack, 0.5))
    conversion, io = convert(shared, "pggan_mganprior", {"lod": 0.5})
    assert error(image_of(conversion, io["z"]), io["image_lod0.5"]) > FAR
