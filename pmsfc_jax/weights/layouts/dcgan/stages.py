"""Read the stages of a DCGAN-like generator from PyTorch's keys, and fold its batch norms.

A layout states what each stage is called and what its shapes cannot say; widths, kernels and the
length of a code are read from the shapes. At inference a batch norm is
``gamma (y - mean) / sqrt(var + eps) + beta`` with stored statistics: a factor and a shift for each
channel, which go into the kernel and bias before it, in float64.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Literal, NamedTuple

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.nn.dcgan import FAMILY
from pmsfc_jax.nn.dcgan_config import Activation, DCGANConfig, Kind, Output, Prior, Stage
from pmsfc_jax.weights.layouts.axes import Shape
from pmsfc_jax.weights.layouts.check import check_arrays
from pmsfc_jax.weights.layouts.layout import Conversion

#: Names of a batch norm's arrays, all ``[O]``.
_NORM = ("weight", "bias", "running_mean", "running_var")
# Stored axes of a kernel, and their order in ours.
_AXES: dict[str, tuple[int, ...]] = {"transposed": (2, 3, 0, 1), "plain": (2, 3, 1, 0)}


class StageKeys(NamedTuple):
    """What a codebase calls one stage, and what the shapes do not say about it.

    Attributes:
      name: its convolution or linear layer; the kernel is ``name.weight``.
      kind: as `Stage`; torch's axes are (I, O, k, k), (O, I, k, k) and (O k k, I).
      bias: whether there is ``name.bias``.
      norm: name of the batch norm after it; none, if empty.
      norm_epsilon: of that norm.
      stride: as `Stage`.
      padding: as `Stage`.
      output_padding: as `Stage`.
      upsample: as `Stage`.
      activation: as `Stage`.
      slope: as `Stage`.

    """

    name: str
    kind: Kind
    bias: bool = False
    norm: str = ""
    norm_epsilon: float = 1e-5
    stride: int = 1
    padding: int = 0
    output_padding: int = 0
    upsample: int = 1
    activation: Activation = "linear"
    slope: float = 0.2


def stage_keys(stages: Sequence[StageKeys]) -> tuple[str, ...]:
    """Regular expressions of all keys of these stages."""
    names = [rf"{re.escape(s.name)}\.(weight|bias)" for s in stages]
    return (*names, *(rf"{re.escape(s.norm)}\.(\w+)" for s in stages if s.norm))


def convert_stages(
    arrays: Mapping[str, np.ndarray],
    stages: Sequence[StageKeys],
    output: Output | Literal["sigmoid"] = "tanh",
    prior: Prior = "normal",
    *,
    native_cuts: Mapping[str, int],
) -> Conversion:
    """Convert the arrays of one generator, every one of them used exactly once.

    Batch norms' ``num_batches_tracked`` counts training steps and is left out. A sigmoid, stretched
    from [0, 1] to [-1, 1], is the tanh of half its argument, which goes into the last kernel. An
    image of one channel becomes three equal ones.

    Raises:
      InputError: keys are missing or unused, shapes do not fit each other, values are not finite
        floats (all are listed), or the stages do not make an image.

    """
    counters = {f"{stage.norm}.num_batches_tracked" for stage in stages}
    arrays = {name: array for name, array in arrays.items() if name not in counters}
    sizes = _sizes(arrays, stages)
    check_arrays(arrays, _wanted(arrays, stages, sizes))
    pairs = list(zip(stages, sizes, strict=True))
    grey = sizes[-1].width == 1
    config = DCGANConfig(
        latent_dim=_known(sizes[0].incoming),
        stages=tuple(
            Stage(
                kind=keys.kind,
                width=3 if grey and keys is stages[-1] else _known(size.width),
                kernel=_known(size.kernel),
                stride=keys.stride,
                padding=keys.padding,
                output_padding=keys.output_padding,
                upsample=keys.upsample,
                activation=keys.activation,
                slope=keys.slope,
            )
            for keys, size in pairs
        ),
        output="tanh" if output == "sigmoid" else output,
        prior=prior,
    )
    params: Params = {
        f"stage{layer}": _folded(arrays, keys, size) for layer, (keys, size) in enumerate(pairs)
    }
    last = params[f"stage{len(stages) - 1}"]
    for name, array in last.items():
        array = array / 2 if output == "sigmoid" else array
        last[name] = np.repeat(array, 3, axis=-1) if grey else array
    return Conversion(FAMILY, asdict(config), params, dict(native_cuts), grey=grey)


class _Size(NamedTuple):
    """Sizes of one stage, ``None`` where the arrays do not tell."""

    incoming: int | None
    width: int | None
    kernel: int | None


def _sizes(arrays: Mapping[str, np.ndarray], stages: Sequence[StageKeys]) -> list[_Size]:
    own = [_own_size(arrays, keys) for keys in stages]
    widths = [
        _agreed(arrays, keys, size, after)
        for keys, size, after in zip(stages, own, [*own[1:], _Size(None, 3, None)], strict=True)
    ]
    if stages[0].kind == "dense" and widths[0]:
        # Its rows are channels and pixels.
        pixels = _length(arrays, f"{stages[0].name}.weight") // widths[0]
        own[0] = own[0]._replace(kernel=math.isqrt(pixels) or None)
    incoming = [own[0].incoming, *widths[:-1]]
    return [
        _Size(before, width, size.kernel)
        for before, width, size in zip(incoming, widths, own, strict=True)
    ]


def _own_size(arrays: Mapping[str, np.ndarray], keys: StageKeys) -> _Size:
    """What a kernel alone tells."""
    kernel = arrays.get(f"{keys.name}.weight")
    if kernel is None or kernel.ndim != (2 if keys.kind == "dense" else 4):
        return _Size(None, None, None)
    if keys.kind == "dense":
        return _Size(kernel.shape[1], None, None)
    incoming, width = kernel.shape[:2] if keys.kind == "transposed" else kernel.shape[1::-1]
    return _Size(incoming, width, kernel.shape[2])


def _agreed(
    arrays: Mapping[str, np.ndarray], keys: StageKeys, size: _Size, after: _Size
) -> int | None:
    """Output channels of a stage: what most of the arrays say, so that errors name the odd one."""
    said = [size.width, after.incoming]
    if keys.kind != "dense":
        said += [_length(arrays, f"{keys.norm}.{part}") or None for part in _NORM]
        said += [_length(arrays, f"{keys.name}.bias") or None] * keys.bias
    votes = Counter(width for width in said if width)
    return votes.most_common(1)[0][0] if votes else None


def _length(arrays: Mapping[str, np.ndarray], name: str) -> int:
    """Of the first axis; 0 where there is none."""
    array = arrays.get(name)
    return 0 if array is None or not array.ndim else len(array)


def _wanted(
    arrays: Mapping[str, np.ndarray], stages: Sequence[StageKeys], sizes: Sequence[_Size]
) -> dict[str, Shape]:
    wanted: dict[str, Shape] = {}
    for keys, (incoming, width, kernel) in zip(stages, sizes, strict=True):
        per_pixel = width * kernel * kernel if width and kernel else None
        if keys.kind == "dense":
            wanted[f"{keys.name}.weight"] = (per_pixel, incoming)
        elif keys.kind == "transposed":
            wanted[f"{keys.name}.weight"] = (incoming, width, kernel, kernel)
        else:
            wanted[f"{keys.name}.weight"] = (width, incoming, kernel, kernel)
        if keys.bias:
            wanted[f"{keys.name}.bias"] = (per_pixel if keys.kind == "dense" else width,)
        if keys.norm:
            found = arrays.get(f"{keys.norm}.weight")
            # After a dense layer it may stand before or behind the reshaping to maps.
            flat = keys.kind == "dense" and found is not None and found.shape == (per_pixel,)
            for part in _NORM:
                wanted[f"{keys.norm}.{part}"] = (per_pixel if flat else width,)
    return wanted


def _folded(arrays: Mapping[str, np.ndarray], keys: StageKeys, size: _Size) -> Params:
    width, side = _known(size.width), _known(size.kernel)

    def maps(array: np.ndarray) -> np.ndarray:
        """``[O]`` as it is, ``[O k k]`` as ``[k, k, O]``."""
        array = array.astype(np.float64)
        if array.shape == (width,):
            return array
        return array.reshape(width, side, side).transpose(1, 2, 0)

    kernel = arrays[f"{keys.name}.weight"].astype(np.float64)
    if keys.kind == "dense":
        kernel = kernel.reshape(width, side, side, -1).transpose(3, 1, 2, 0)
    else:
        kernel = kernel.transpose(_AXES[keys.kind])
    bias = np.zeros((side, side, width) if keys.kind == "dense" else (width,))
    if keys.bias:
        bias = bias + maps(arrays[f"{keys.name}.bias"])
    if keys.norm:
        gamma, beta, mean, variance = (maps(arrays[f"{keys.norm}.{part}"]) for part in _NORM)
        if variance.min() < 0 or variance.min() + keys.norm_epsilon == 0:
            raise InputError(f"{keys.norm}.running_var is not positive: the file is damaged")
        factor = gamma / np.sqrt(variance + keys.norm_epsilon)
        kernel, bias = kernel * factor, (bias - mean) * factor + beta
    return {
        "kernel": np.ascontiguousarray(kernel.astype(np.float32)),
        "bias": np.ascontiguousarray(bias.astype(np.float32)),
    }


def _known(size: int | None) -> int:
    # `check_arrays` has seen every kernel, and `_sizes` reads all sizes from kernels, except:
    if size is None:
        raise InputError("the dense first stage has fewer rows than the next stage reads channels")
    return int(size)
