"""rosinality/stylegan2-pytorch: ``{g_ema, latent_avg}``, or a file of its training.

Equalised: every kernel is multiplied by ``1 / sqrt(inputs)`` at run time, those of the mapping and
its biases by the learning rate 0.01 too. Noise maps are buffers, each with a strength beside its
convolution. Filters are stored with their gain of 4. A file of the training has no ``latent_avg``.
"""

import math

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.stylegan2 import StyleGAN2Config
from pmsfc_jax.weights.layouts.check import check_arrays
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.places import Place, fill, put, side_of
from pmsfc_jax.weights.layouts.stylegan2.facts import (
    MAPPING_RATE,
    SETTINGS,
    check_filters,
    finish,
    settle,
    with_strength,
)


def _convert(group: Group, choices: Choices) -> Conversion:
    arrays = group.arrays
    levels = 1 + count(arrays, r"to_rgbs\.(\d{1,2})\..*")
    layers = 2 * levels - 1
    convs = ["conv1", *(f"convs.{i}" for i in range(layers - 1))]
    rgbs = ["to_rgb1", *(f"to_rgbs.{i}" for i in range(levels - 1))]
    depth = count(arrays, r"style\.(\d{1,2})\..*") - 1
    style = side_of(arrays, "style.1.weight", "O I", "O")
    names = ["conv1", *(f"convs.{2 * i + 1}" for i in range(levels - 1))]
    widths = [side_of(arrays, f"{name}.activate.bias", "O", "O") for name in names]

    places = [
        place
        for i in range(depth)
        for place in _affine(f"style.{i + 1}", f"map{i}", style, style, MAPPING_RATE)
    ]
    places.append(
        Place("input.input", "1 O H W", "HWO", {"O": widths[0], "H": 4, "W": 4}, ("const",))
    )
    strengths = {f"noises.noise_{i}": f"{conv}.noise.weight" for i, conv in enumerate(convs)}
    filters = [f"{conv}.conv.blur.kernel" for conv in convs[1::2]]
    filters += [f"{rgb}.upsample.kernel" for rgb in rgbs[1:]]
    for layer, conv in enumerate(convs):
        side = StyleGAN2Config.side(layer)
        sizes = {"I": widths[layer // 2], "O": widths[(layer + 1) // 2], "H": 3, "W": 3}
        scale = _scale(9, sizes["I"])
        places += [
            Place(
                f"{conv}.conv.weight", "1 O I H W", "HWIO", sizes, (f"conv{layer}", "kernel"), scale
            ),
            Place(f"{conv}.activate.bias", "O", "O", sizes, (f"conv{layer}", "bias")),
            *_styled(f"{conv}.conv.modulation", f"conv{layer}", style, sizes["I"]),
        ]
        noise, square = f"noises.noise_{layer}", {"H": side, "W": side}
        places.append(Place(noise, "1 1 H W", "HW", square, (f"conv{layer}", "noise")))
    for level, rgb in enumerate(rgbs):
        sizes, own = {"I": widths[level], "O": 3, "H": 1, "W": 1}, f"rgb{4 * 2**level}"
        scale = _scale(1, sizes["I"])
        places += [
            Place(f"{rgb}.conv.weight", "1 O I H W", "IO", sizes, (own, "kernel"), scale),
            Place(f"{rgb}.bias", "1 O H W", "O", sizes, (own, "bias")),
            *_styled(f"{rgb}.conv.modulation", own, style, sizes["I"]),
        ]
    others = dict.fromkeys(strengths.values(), (1,)) | dict.fromkeys(filters, (4, 4))
    params = fill(arrays, places, others, with_strength(arrays, strengths, choices))
    check_filters(arrays, filters, gain=4)
    if levels < 2 or style is None:
        raise InputError("the file has no image layer above 4x4: no StyleGAN2 is that small")
    mean = group.beside.get("latent_avg")
    if isinstance(mean, np.ndarray):
        check_arrays({"latent_avg": mean}, {"latent_avg": (style,)})
        put(params, ("w_mean",), mean)
    config = StyleGAN2Config(style, style, depth, tuple(width or 0 for width in widths))
    cuts = {conv: layer for layer, conv in enumerate(convs)}
    return finish(settle(choices, config), params, cuts, choices)


def _scale(area: int, size: int | None) -> float:
    return 1 / math.sqrt(area * (size or 1))


def _affine(
    name: str, path: str | tuple[str, ...], size: int | None, out: int | None, rate: float
) -> list[Place]:
    """Kernel and bias of an equalised dense layer."""
    sizes, path = {"I": size, "O": out}, (path,) if isinstance(path, str) else path
    return [
        Place(f"{name}.weight", "O I", "IO", sizes, (*path, "kernel"), rate * _scale(1, size)),
        Place(f"{name}.bias", "O", "O", sizes, (*path, "bias"), rate),
    ]


def _styled(name: str, path: str, style: int | None, out: int | None) -> list[Place]:
    return _affine(name, (path, "style"), style, out, 1.0)


LAYOUT = Layout(
    name="stylegan2_rosinality",
    codebases="rosinality/stylegan2-pytorch",
    keys=(
        r"style\.\d+\.(weight|bias)",
        r"input\.input",
        r"(conv1|convs\.\d+)\.(conv\..*|noise\.weight|activate\.bias)",
        r"noises\.noise_\d+",
    ),
    own=(r"to_rgb(1|s\.\d+)\.conv\.modulation\.(weight|bias)",),
    preferred=("g_ema", "g"),
    options=SETTINGS,
    convert=_convert,
)
