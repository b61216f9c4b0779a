"""Read a PGGAN stack from any codebase's keys, and scale it into params.

A layout states the name and axes of each array. Here the architecture is read from their shapes,
and everything that is missing, unused or misshapen is collected into one error.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.core.typing import Params
from pmsfc_jax.nn.pggan import FAMILY, PGGANConfig
from pmsfc_jax.weights.layouts.axes import (
    Shape,
    Sizes,
    expected_shape,
    find_size,
    reorder,
)
from pmsfc_jax.weights.layouts.check import check_arrays
from pmsfc_jax.weights.layouts.layout import Conversion

SQRT2 = math.sqrt(2)


class Key(NamedTuple):
    """Name and axes of one array; ``turned`` kernels are stored rotated by half a turn."""

    name: str
    axes: str
    turned: bool = False


class StackKeys(NamedTuple):
    """What a layout calls the arrays of one stack.

    Attributes:
      kernels: of convolution 0, 1, ...
      biases: beside them.
      rgb: kernel and bias of the image layer of each level that has one (level 0 is 4x4).
      others: shapes of further arrays; ``None`` for any size.
      first_block: convolutions at 4x4.

    """

    kernels: tuple[Key, ...]
    biases: tuple[Key, ...]
    rgb: Mapping[int, tuple[Key, Key]]
    others: Mapping[str, Shape] = {}
    first_block: int = 2


class Stack(NamedTuple):
    """A stack in our axes, unscaled.

    Attributes:
      latent_dim: numbers that convolution 0 reads.
      widths: output channels of each convolution.
      kernels: ``[d, 4, 4, C]``, then ``[3, 3, I, O]``.
      biases: ``[O]``, or ``[4, 4, O]`` where each pixel has its own.
      rgb: ``[C, 3]`` and ``[3]`` by level.
      others: further arrays by native name.
      first_block: convolutions at 4x4.
      grey: whether the file's image layers give one channel; here they give it three times.

    """

    latent_dim: int
    widths: tuple[int, ...]
    kernels: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    rgb: dict[int, tuple[np.ndarray, np.ndarray]]
    others: dict[str, np.ndarray]
    first_block: int
    grey: bool = False

    def last_layer(self, level: int) -> int:
        """The last convolution of a level."""
        return self.first_block - 1 + 2 * level

    @property
    def top(self) -> int:
        """The highest level."""
        return (len(self.widths) - self.first_block) // 2


def read_stack(arrays: Mapping[str, np.ndarray], keys: StackKeys) -> Stack:
    """Take the arrays of one stack, every one of them exactly once.

    Raises:
      InputError: keys are missing or unused, shapes do not fit each other, or values are not finite
        floats; all of them are listed.

    """
    sides: list[dict[str, int | None]] = [{"H": 4, "W": 4}]
    sides += [{"H": 3, "W": 3}] * (len(keys.kernels) - 1)
    widths = [_width(arrays, keys, layer, side) for layer, side in enumerate(sides)]
    latent_dim = _size(arrays, keys.kernels[0], "I", {"O": widths[0], **sides[0]})

    wanted: dict[str, Shape] = dict(keys.others)
    sizes: list[dict[str, Any]] = []
    for layer, (kernel, bias) in enumerate(zip(keys.kernels, keys.biases, strict=True)):
        incoming = widths[layer - 1] if layer else latent_dim
        sizes.append({"I": incoming, "O": widths[layer], **sides[layer]})
        wanted[kernel.name] = expected_shape(kernel.axes, sizes[-1])
        wanted[bias.name] = expected_shape(bias.axes, sizes[-1])
    channels = _image_channels(arrays, keys)
    rgb_sizes: dict[int, dict[str, Any]] = {}
    for level, (kernel, bias) in keys.rgb.items():
        width = widths[keys.first_block - 1 + 2 * level]
        rgb_sizes[level] = {"I": width, "O": channels, "H": 1, "W": 1}
        wanted[kernel.name] = expected_shape(kernel.axes, rgb_sizes[level])
        wanted[bias.name] = expected_shape(bias.axes, rgb_sizes[level])
    check_arrays(arrays, wanted)

    def taken(key: Key, order: str, size: dict[str, Any]) -> np.ndarray:
        array = reorder(arrays[key.name], key.axes, order, size)
        turned = tuple(order.index(axis) for axis in "HW") if key.turned else ()
        return np.flip(array, turned) if turned else array

    def coloured(array: np.ndarray) -> np.ndarray:
        return np.repeat(array, 3 // channels, axis=-1)

    orders = ["IHWO"] + ["HWIO"] * (len(keys.kernels) - 1)
    return Stack(
        latent_dim=int(sizes[0]["I"]),
        widths=tuple(int(size["O"]) for size in sizes),
        kernels=tuple(map(taken, keys.kernels, orders, sizes)),
        biases=tuple(
            taken(key, "HWO" if "H" in key.axes else "O", size)
            for key, size in zip(keys.biases, sizes, strict=True)
        ),
        rgb={
            level: (
                coloured(taken(pair[0], "IO", rgb_sizes[level])),
                coloured(taken(pair[1], "O", rgb_sizes[level])),
            )
            for level, pair in keys.rgb.items()
        },
        others={name: arrays[name] for name in keys.others},
        first_block=keys.first_block,
        grey=channels == 1,
    )


def he(gain: float) -> Callable[[int], float]:
    """The He constant with ``gain`` as a function of the number of inputs."""
    return lambda fan_in: gain / math.sqrt(fan_in)


def he_scales(stack: Stack, first_fan_in: int, gain: float = SQRT2) -> list[float]:
    """A scale for each kernel: ``gain / sqrt(inputs of one output)``, the first one's as given."""
    fan_ins = [first_fan_in] + [math.prod(kernel.shape[:3]) for kernel in stack.kernels[1:]]
    return [he(gain)(fan_in) for fan_in in fan_ins]


def assemble(
    config: PGGANConfig,
    stack: Stack,
    scales: list[float],
    rgb_scale: Callable[[int], float],
    native_cuts: Mapping[str, int],
    *,
    scaled_biases: bool = False,
    label: np.ndarray | None = None,
) -> Conversion:
    """Scale the arrays that ``config`` uses (in float64) and give them our names.

    Args:
      config: may stop at a lower level than the stack.
      stack: what was read.
      scales: for each kernel.
      rgb_scale: for an image kernel, by the number of its inputs.
      native_cuts: layers by native name; those that the config does not reach are dropped.
      scaled_biases: whether biases are multiplied by their kernel's scale too.
      label: the constant that follows the latent code, where the config has one.

    """
    params: Params = {}
    for layer in range(len(config.widths)):
        scale = scales[layer]
        params[f"conv{layer}"] = {
            "kernel": _scaled(stack.kernels[layer], scale),
            "bias": _scaled(stack.biases[layer], scale if scaled_biases else 1.0),
        }
    top = len(config.widths) - 1
    for layer in (top - 2, top) if config.fade else (top,):
        kernel, bias = stack.rgb[(layer + 1 - stack.first_block) // 2]
        scale = rgb_scale(kernel.shape[0])
        params[f"rgb{config.layer_resolution(layer)}"] = {
            "kernel": _scaled(kernel, scale),
            "bias": _scaled(bias, scale if scaled_biases else 1.0),
        }
    if label is not None:
        params["label"] = _scaled(label, 1.0)
    last = len(config.widths) - (2 if config.fade else 0)
    cuts = {name: layer for name, layer in native_cuts.items() if layer < last}
    return Conversion(FAMILY, asdict(config), params, cuts, grey=stack.grey)


def _image_channels(arrays: Mapping[str, np.ndarray], keys: StackKeys) -> int:
    """Channels of the image layers: 1 where most of them say so, else 3."""
    square = {"H": 1, "W": 1}
    said = [_size(arrays, kernel, "O", square) for kernel, _ in keys.rgb.values()]
    return 1 if 2 * said.count(1) > len(said) else 3


def _width(
    arrays: Mapping[str, np.ndarray], keys: StackKeys, layer: int, side: Sizes
) -> int | None:
    """Channels of one layer as most of the arrays have it that touch them.

    One misshapen array is then named itself, and not the sound ones around it.
    """
    square = {"H": 3, "W": 3}
    votes = [
        _size(arrays, keys.kernels[layer], "O", side),
        _size(arrays, keys.biases[layer], "O", side),
    ]
    if layer + 1 < len(keys.kernels):
        votes.append(_size(arrays, keys.kernels[layer + 1], "I", square))
    level, within = divmod(layer + 1 - keys.first_block, 2)
    if level in keys.rgb and not within:
        votes.append(_size(arrays, keys.rgb[level][0], "I", {"H": 1, "W": 1}))
    cast = [vote for vote in votes if vote]
    return max(cast, key=cast.count, default=None)


def _size(
    arrays: Mapping[str, np.ndarray], key: Key, letter: str, sizes: Mapping[str, int | None]
) -> int | None:
    array = arrays.get(key.name)
    return None if array is None else find_size(key.axes, letter, array.shape, sizes)


def _scaled(array: np.ndarray, scale: float) -> np.ndarray:
    return np.ascontiguousarray((array.astype(np.float64) * scale).astype(np.float32))
