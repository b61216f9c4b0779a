"""What the layouts of judging networks share: convolutions of known shapes by other names."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from pmsfc_jax.core.typing import Params
from pmsfc_jax.weights.layouts.check import check_arrays
from pmsfc_jax.weights.layouts.options import Choices


def convert_convolutions(
    arrays: Mapping[str, np.ndarray], names: Mapping[str, str], abstract: Params, unused: str
) -> Params:
    """Turn convolutions stored as ``NAME.weight [O, I, k, k]`` and ``NAME.bias [O]`` into params.

    Args:
      arrays: the file's.
      names: path in our params (``"fire2/squeeze"``) of each, and its native name.
      abstract: shapes of the params, kernels HWIO.
      unused: regular expression of keys that are left out, the classifier's.

    Raises:
      InputError: arrays are missing, unknown, misshapen or not finite; all are listed.

    """
    arrays = {name: array for name, array in arrays.items() if not re.fullmatch(unused, name)}
    wanted: dict[str, Any] = {}
    for path, name in names.items():
        leaves = _at(abstract, path)
        height, width, incoming, outgoing = leaves["kernel"].shape
        wanted[f"{name}.weight"] = (outgoing, incoming, height, width)
        wanted[f"{name}.bias"] = leaves["bias"].shape
    check_arrays(arrays, wanted)
    params: Params = {}
    for path, name in names.items():
        kernel = arrays[f"{name}.weight"].transpose(2, 3, 1, 0)
        leaves = _at(params, path)
        leaves["kernel"] = np.ascontiguousarray(kernel, np.float32)
        leaves["bias"] = np.ascontiguousarray(arrays[f"{name}.bias"], np.float32)
    return params


def chosen_taps(choices: Choices, default: tuple[str, ...]) -> tuple[str, ...]:
    """The taps that were asked for, as ``taps="relu2_2,relu3_3"``."""
    text = choices.pick("taps", default=",".join(default))
    return tuple(tap.strip() for tap in text.split(","))


def _at(params: Params, path: str) -> Params:
    for name in path.split("/"):
        params = params.setdefault(name, {})
    return params
