"""huggingface/pytorch-pretrained-BigGAN: BigGAN-deep with statistics for every truncation.

Spectral norms are torch's, evaluated with the stored vectors. The dense layer's output has its
channels last. What a block is given is ``[z, class]``; here the class comes first. Which blocks
double stands in a separate file: in all that were published it is every second one. The image layer
has more outputs than the three that are used.
"""

import math
from collections.abc import Mapping

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.nn.biggan import BigGANConfig, Stage
from pmsfc_jax.weights.layouts.axes import Shape
from pmsfc_jax.weights.layouts.biggan.facts import SETTINGS, settled
from pmsfc_jax.weights.layouts.biggan.norms import (
    at_truncation,
    put_last_norm,
    put_norm,
    stored_sigma,
)
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.places import Place, fill, side_of

_ROOT = "generator."
_ATTENTION = {"theta": "query", "phi": "key", "g": "value", "o_conv": "out"}


def _convert(group: Group, choices: Choices) -> Conversion:
    arrays = group.arrays
    class_dim = side_of(arrays, "embeddings.weight", "I O", "I")
    classes = side_of(arrays, "embeddings.weight", "I O", "O")
    condition = side_of(arrays, f"{_ROOT}gen_z.weight_orig", "O I", "I")
    layers = count(arrays, r"generator\.layers\.(\d{1,2})\..*")
    first_width = side_of(arrays, f"{_ROOT}layers.0.conv_0.weight_orig", "O I 1 1", "I")
    table = {"O": classes, "I": class_dim}
    dense = {"I": condition, "O": first_width, "H": 4, "W": 4}
    places = [
        Place("embeddings.weight", "I O", "OI", table, ("classes",)),
        Place(f"{_ROOT}gen_z.weight_orig", "HWO I", "IHWO", dense, ("linear", "kernel")),
        Place(f"{_ROOT}gen_z.bias", "HWO", "HWO", dense, ("linear", "bias")),
    ]
    others: dict[str, Shape] = {}
    norms: dict[str, tuple[str, ...]] = {}
    stages: list[Stage] = []
    incoming, blocks = first_width, 0
    for layer in range(layers):
        name, path = f"{_ROOT}layers.{layer}", f"stage{layer}"
        if f"{name}.snconv1x1_theta.weight_orig" in arrays:
            stage, found = _attention(group, name, path, incoming)
            others[f"{name}.gamma"] = (1,)
        else:
            stage, found = _bottleneck(group, name, path, incoming, doubles=blocks % 2 == 1)
            blocks += 1
            for place, channels in enumerate((incoming, *(stage.middle,) * 3)):
                norms[f"{name}.bn_{place}"] = (path, f"norm{place}")
                for part in ("scale", "offset"):
                    others[f"{name}.bn_{place}.{part}.weight_orig"] = (channels, condition)
                others |= _statistics(arrays, f"{name}.bn_{place}", channels)
        stages.append(stage)
        places += found
        incoming = stage.width
    others |= dict.fromkeys((f"{_ROOT}bn.weight", f"{_ROOT}bn.bias"), (incoming,))
    others |= _statistics(arrays, f"{_ROOT}bn", incoming)
    outputs = side_of(arrays, f"{_ROOT}conv_to_rgb.bias", "O", "O")
    image = {"I": incoming, "O": outputs, "H": 3, "W": 3}
    places += _conv(f"{_ROOT}conv_to_rgb", ("image", "conv"), image)
    normed = {p.name: p.shape for p in places if p.name.endswith("weight_orig")}
    normed |= {name: shape for name, shape in others.items() if name.endswith("weight_orig")}
    for name, shape in normed.items():
        others[_beside(name, "u")] = (shape[0],)
        others[_beside(name, "v")] = (_product(shape[1:]),)

    def change(name: str, array: np.ndarray) -> np.ndarray:
        if name.endswith("o_conv.weight_orig"):
            gamma = arrays[name.replace("snconv1x1_o_conv.weight_orig", "gamma")]
            array = array * float(gamma[0])
        if name not in normed:
            return array
        u, v = (arrays[_beside(name, letter)] for letter in "uv")
        return array / stored_sigma(arrays[name], u, v)

    params = fill(arrays, places, others, change)
    latent = (condition or 0) - (class_dim or 0)
    if latent < 1 or (outputs or 0) < 3:
        raise InputError(
            f"gen_z reads {condition} numbers, {class_dim} of them for the class, and conv_to_rgb "
            f"gives {outputs}: no code or no colours are left"
        )
    params["linear"]["kernel"] = np.roll(params["linear"]["kernel"], -latent, 0)
    _keep_colours(params)
    truncation = choices.pick("truncation", default=0.4)
    epsilon = choices.pick("epsilon", default=1e-4)
    choices.note("doubling", "every second block")
    for name, where in norms.items():
        gain, bias = (
            np.roll(change(key, arrays[key].astype(np.float64)).T, -latent, 0)
            for key in (f"{name}.{part}.weight_orig" for part in ("scale", "offset"))
        )
        put_norm(params, where, gain, bias, *_at(arrays, name, truncation, epsilon))
    gain, bias = (arrays[f"{_ROOT}bn.{part}"].astype(np.float64) for part in ("weight", "bias"))
    put_last_norm(params, gain, bias, *_at(arrays, f"{_ROOT}bn", truncation, epsilon))
    config = BigGANConfig(
        latent, class_dim or 0, classes or 0, first_width or 0, tuple(stages), "all"
    )
    cuts = {"gen_z": 0} | {f"layers.{layer}": layer + 1 for layer in range(layers)}
    return settled(config, truncation, choices, params, cuts)


def _bottleneck(
    group: Group, name: str, path: str, incoming: int | None, *, doubles: bool
) -> tuple[Stage, list[Place]]:
    width = side_of(group.arrays, f"{name}.conv_3.bias", "O", "O")
    middle = side_of(group.arrays, f"{name}.conv_0.bias", "O", "O")
    places: list[Place] = []
    for place, (size, out) in enumerate(
        ((incoming, middle), (middle, middle), (middle, middle), (middle, width))
    ):
        side = 3 if place in (1, 2) else 1
        sizes = {"I": size, "O": out, "H": side, "W": side}
        places += _conv(f"{name}.conv_{place}", (path, f"conv{place}"), sizes)
    return Stage("bottleneck", width or 1, middle or 1, doubles=doubles), places


def _attention(group: Group, name: str, path: str, width: int | None) -> tuple[Stage, list[Place]]:
    found: dict[str, int | None] = {
        part: side_of(group.arrays, f"{name}.snconv1x1_{part}.weight_orig", "O I 1 1", "O")
        for part in ("theta", "g")
    }
    middle, values = found["theta"], found["g"]
    sizes = {
        "theta": (width, middle),
        "phi": (width, middle),
        "g": (width, values),
        "o_conv": (values, width),
    }
    places = [
        Place(
            f"{name}.snconv1x1_{part}.weight_orig",
            "O I 1 1",
            "IO",
            {"I": size, "O": out},
            (path, _ATTENTION[part], "kernel"),
        )
        for part, (size, out) in sizes.items()
    ]
    return Stage("attention", width or 1, middle or 1, values or 1), places


def _conv(name: str, path: tuple[str, str], sizes: dict[str, int | None]) -> list[Place]:
    order = "HWIO" if sizes["H"] == 3 else "IO"
    return [
        Place(f"{name}.weight_orig", "O I H W", order, sizes, (*path, "kernel")),
        Place(f"{name}.bias", "O", "O", sizes, (*path, "bias")),
    ]


def _statistics(
    arrays: Mapping[str, np.ndarray], name: str, channels: int | None
) -> dict[str, Shape]:
    rows = side_of(arrays, f"{_ROOT}bn.running_means", "H O", "H")
    return dict.fromkeys((f"{name}.running_means", f"{name}.running_vars"), (rows, channels))


def _at(
    arrays: Mapping[str, np.ndarray], name: str, truncation: float, epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of a norm, epsilon included."""
    mean, variance = (
        at_truncation(arrays[f"{name}.{part}"].astype(np.float64), truncation)
        for part in ("running_means", "running_vars")
    )
    return mean, variance + epsilon


def _keep_colours(params: Params) -> None:
    conv = params["image"]["conv"]
    conv["kernel"], conv["bias"] = conv["kernel"][..., :3].copy(), conv["bias"][:3].copy()


def _product(sizes: Shape) -> int | None:
    return None if None in sizes else math.prod(size or 0 for size in sizes)


def _beside(weight: str, letter: str) -> str:
    return f"{weight.removesuffix('orig')}{letter}"


LAYOUT = Layout(
    name="biggan_huggingface",
    codebases="huggingface/pytorch-pretrained-BigGAN",
    keys=(
        r"embeddings\.weight",
        r"generator\.gen_z\..*",
        r"generator\.layers\.\d+\..*",
        r"generator\.bn\..*",
    ),
    own=(r"generator\.conv_to_rgb\.(weight_orig|weight_u|weight_v|bias)",),
    preferred=("generator",),
    options=SETTINGS,
    convert=_convert,
)
