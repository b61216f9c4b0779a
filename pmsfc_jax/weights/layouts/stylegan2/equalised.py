"""StyleGAN2 as rosinality wrote it, under the names of any codebase that descends from it.

Equalised: every kernel is multiplied by ``1 / sqrt(inputs)`` at run time, those of the mapping and
its biases by the learning rate 0.01 too. Noise maps are buffers, each with a strength beside its
convolution. Filters are stored with their gain of 4.
"""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.stylegan2 import StyleGAN2Config
from pmsfc_jax.weights.layouts.check import check_arrays
from pmsfc_jax.weights.layouts.layout import Conversion, count
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.places import Place, fill, put, side_of
from pmsfc_jax.weights.layouts.stylegan2.facts import (
    MAPPING_RATE,
    check_filters,
    finish,
    settle,
    with_strength,
)


class Names(NamedTuple):
    """What a codebase calls its arrays, where it is not as rosinality does.

    Attributes:
      mapping: of the dense layers, before their index.
      dense: of a dense layer's kernel, after the layer's name.
      const: of the first map.
      kernel: of a convolution's kernel, after the convolution's name.
      style: of the affine map of a style, after the convolution's name.
      strength: of a noise's strength, after the layer's name.
      noise: of the noise maps, before their index.

    """

    mapping: str = "style."
    dense: str = ".weight"
    const: str = "input.input"
    kernel: str = ".conv.weight"
    style: str = ".conv.modulation"
    strength: str = ".noise.weight"
    noise: str = "noises.noise_"


def convert(
    arrays: Mapping[str, np.ndarray],
    names: Names,
    choices: Choices,
    mean: Mapping[str, np.ndarray],
) -> Conversion:
    """Convert one generator.

    Args:
      arrays: of the generator alone.
      names: of its arrays.
      choices: settles the settings.
      mean: the mean w by its native name, empty where there is none: it is computed then.

    Raises:
      InputError: arrays are missing, unused or misshapen; all are listed.

    """
    levels = 1 + count(arrays, r"to_rgbs\.(\d{1,2})\..*")
    layers = 2 * levels - 1
    convs = ["conv1", *(f"convs.{i}" for i in range(layers - 1))]
    rgbs = ["to_rgb1", *(f"to_rgbs.{i}" for i in range(levels - 1))]
    depth = count(arrays, rf"{re.escape(names.mapping)}(\d{{1,2}})\..*") - 1
    style = side_of(arrays, f"{names.mapping}1{names.dense}", "O I", "O")
    lasts = ["conv1", *(f"convs.{2 * i + 1}" for i in range(levels - 1))]
    widths = [side_of(arrays, f"{name}.activate.bias", "O", "O") for name in lasts]

    def dense(name: str, path: tuple[str, ...], out: int | None, rate: float) -> list[Place]:
        """Kernel and bias of an equalised dense layer that reads w, or z, which is as long."""
        sizes, scale = {"I": style, "O": out}, rate * _scale(1, style)
        return [
            Place(f"{name}{names.dense}", "O I", "IO", sizes, (*path, "kernel"), scale),
            Place(f"{name}.bias", "O", "O", sizes, (*path, "bias"), rate),
        ]

    places = [
        place
        for i in range(depth)
        for place in dense(f"{names.mapping}{i + 1}", (f"map{i}",), style, MAPPING_RATE)
    ]
    const = {"O": widths[0], "H": 4, "W": 4}
    places.append(Place(names.const, "1 O H W", "HWO", const, ("const",)))
    strengths = {f"{names.noise}{i}": f"{conv}{names.strength}" for i, conv in enumerate(convs)}
    filters = [f"{conv}.conv.blur.kernel" for conv in convs[1::2]]
    filters += [f"{rgb}.upsample.kernel" for rgb in rgbs[1:]]
    for layer, conv in enumerate(convs):
        side, path = StyleGAN2Config.side(layer), f"conv{layer}"
        sizes = {"I": widths[layer // 2], "O": widths[(layer + 1) // 2], "H": 3, "W": 3}
        kernel, scale = f"{conv}{names.kernel}", _scale(9, sizes["I"])
        square = {"H": side, "W": side}
        places += [
            Place(kernel, "1 O I H W", "HWIO", sizes, (path, "kernel"), scale),
            Place(f"{conv}.activate.bias", "O", "O", sizes, (path, "bias")),
            Place(f"{names.noise}{layer}", "1 1 H W", "HW", square, (path, "noise")),
            *dense(f"{conv}{names.style}", (path, "style"), sizes["I"], 1.0),
        ]
    for level, rgb in enumerate(rgbs):
        sizes, path = {"I": widths[level], "O": 3, "H": 1, "W": 1}, f"rgb{4 * 2**level}"
        kernel, scale = f"{rgb}{names.kernel}", _scale(1, sizes["I"])
        places += [
            Place(kernel, "1 O I H W", "IO", sizes, (path, "kernel"), scale),
            Place(f"{rgb}.bias", "1 O H W", "O", sizes, (path, "bias")),
            *dense(f"{rgb}{names.style}", (path, "style"), sizes["I"], 1.0),
        ]
    others = dict.fromkeys(strengths.values(), (1,)) | dict.fromkeys(filters, (4, 4))
    params = fill(arrays, places, others, with_strength(arrays, strengths, choices))
    check_filters(arrays, filters, gain=4)
    if levels < 2 or style is None:
        raise InputError("the file has no image layer above 4x4: no StyleGAN2 is that small")
    check_arrays(mean, dict.fromkeys(mean, (style,)))
    for array in mean.values():
        put(params, ("w_mean",), array)
    config = StyleGAN2Config(style, style, depth, tuple(width or 0 for width in widths))
    cuts = {conv: layer for layer, conv in enumerate(convs)}
    return finish(settle(choices, config), params, cuts, choices)


def _scale(area: int, size: int | None) -> float:
    return 1 / math.sqrt(area * (size or 1))
