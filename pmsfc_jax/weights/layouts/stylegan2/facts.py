"""What both StyleGAN2 layouts share: the settings of a conversion, the filter, the mean w."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.nn.blur import TAPS
from pmsfc_jax.nn.stylegan2 import FAMILY, StyleGAN2Config
from pmsfc_jax.weights.layouts.layout import Conversion
from pmsfc_jax.weights.layouts.options import Choices

#: Facts that every StyleGAN2 layout takes.
SETTINGS = ("latent_space", "truncation", "truncated_styles", "noise", "clamp")

#: The mapping's dense layers are stored divided by this learning rate and multiplied at run time.
MAPPING_RATE = 0.01

_MEAN_DRAWS = 10_000


def settle(
    choices: Choices, config: StyleGAN2Config, clamp: float | None = None
) -> StyleGAN2Config:
    """The configuration with what the user chose; ``clamp`` is the file's."""
    return replace(
        config,
        clamp=choices.pick("clamp", stored=clamp, default=0.0),
        latent_space=choices.pick("latent_space", default="w"),
        truncation=choices.pick("truncation", default=1.0),
        truncated_styles=choices.pick("truncated_styles", default=0),
    )


def with_strength(
    arrays: Mapping[str, np.ndarray], strengths: Mapping[str, str], choices: Choices
) -> Callable[[str, np.ndarray], np.ndarray]:
    """What is done to each array: a noise map is multiplied by its strength, or by zero.

    Args:
      arrays: of the file.
      strengths: name of a noise map's strength by name of the map.
      choices: whether there is to be noise.

    """
    silent = choices.pick("noise", default="stored") == "none"

    def change(name: str, array: np.ndarray) -> np.ndarray:
        if name not in strengths:
            return array
        return array * (0.0 if silent else float(arrays[strengths[name]].sum()))

    return change


def check_filters(arrays: Mapping[str, np.ndarray], names: list[str], gain: float) -> None:
    """Check that the stored low-pass filters are the one that `nn.blur` has.

    Raises:
      InputError: one is not; its name is given.

    """
    taps = np.array(TAPS, np.float64)
    expected = gain * np.outer(taps, taps) / taps.sum() ** 2
    for name in names:
        if name in arrays and not np.allclose(arrays[name], expected, atol=1e-5):
            raise InputError(f"{name} is not the filter {list(TAPS)} that can be drawn with here")


def finish(
    config: StyleGAN2Config, params: Params, cuts: dict[str, int], choices: Choices
) -> Conversion:
    """Add the mean w where the file has none, and hand everything over."""
    if "w_mean" not in params:
        params["w_mean"] = mean_w(config, params)
        choices.note("w_mean", f"of {_MEAN_DRAWS} draws")
    architecture: dict[str, Any] = asdict(config)
    return Conversion(FAMILY, architecture, params, cuts)


def mean_w(config: StyleGAN2Config, params: Params) -> np.ndarray:
    """The mean of w over 10,000 draws, always the same ones, in float64."""
    rng = np.random.default_rng(0)
    x = _normalised(rng.standard_normal((_MEAN_DRAWS, config.latent_dim)))
    if config.num_classes:
        label = rng.integers(config.num_classes, size=_MEAN_DRAWS)
        embedded = params["embed"]["kernel"][label].astype(np.float64) + params["embed"]["bias"]
        x = np.concatenate([x, _normalised(embedded)], axis=1)
    for layer in range(config.mapping_depth):
        affine = params[f"map{layer}"]
        x = x @ affine["kernel"].astype(np.float64) + affine["bias"]
        x = np.sqrt(2) * np.maximum(x, 0.2 * x)
    return x.mean(0).astype(np.float32)


def _normalised(x: np.ndarray) -> np.ndarray:
    return x / np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-8)
