"""SqueezeNet of torchvision, versions 1.0 and 1.1, and of Caffe, version 1.0.

torchvision numbers fire modules by their place among the poolings, ``features.3.squeeze``, so that
the numbers tell the versions apart. Caffe's have names, ``fire2.conv1x1_1``, and its weights take
BGR pixels minus their mean. Classifiers are left out.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from pmsfc_jax.nn.squeezenet import (
    CAFFE_PARTS,
    FAMILY,
    SqueezeNetConfig,
    Version,
    abstract_params,
    kernel_shapes,
)
from pmsfc_jax.weights.layouts.judges.convolutions import chosen_taps, convert_convolutions
from pmsfc_jax.weights.layouts.judges.layers import check_layers
from pmsfc_jax.weights.layouts.layout import PERCEPTUAL, Conversion, Group, Layout
from pmsfc_jax.weights.layouts.options import Choices

_FIRES: dict[Version, tuple[int, ...]] = {
    "1.0": (3, 4, 5, 7, 8, 9, 10, 12),
    "1.1": (3, 4, 6, 7, 9, 10, 11, 12),
}
_PARTS = r"(squeeze|expand1x1|expand3x3)\.(weight|bias)"


def _torchvision(group: Group, choices: Choices) -> Conversion:
    version = _version(group.arrays)
    check_layers(group.layers, {"kernel_size": 3, "stride": 2, "padding": 0, "ceil_mode": True})
    choices.note("version", version)
    numbers = {"conv1": 0} | {f"fire{i + 2}": n for i, n in enumerate(_FIRES[version])}

    def native(path: str) -> str:
        layer, _, part = path.partition("/")
        return f"features.{numbers[layer]}" + (f".{part}" if part else "")

    names = {path: native(path) for path in kernel_shapes(version)}
    config = SqueezeNetConfig(version, "imagenet", chosen_taps(choices, SqueezeNetConfig().taps))
    return _converted(group, names, config, r"classifier\.1\.(weight|bias)")


def _caffe(group: Group, choices: Choices) -> Conversion:
    def native(path: str) -> str:
        layer, _, part = path.partition("/")
        return f"{layer}.{CAFFE_PARTS[part]}" if part else layer

    names = {path: native(path) for path in kernel_shapes("1.0")}
    config = SqueezeNetConfig("1.0", "caffe", chosen_taps(choices, SqueezeNetConfig().taps))
    return _converted(group, names, config, r"conv_final\.(weight|bias)")


def _converted(
    group: Group, names: Mapping[str, str], config: SqueezeNetConfig, unused: str
) -> Conversion:
    params = convert_convolutions(group.arrays, names, abstract_params(config), unused)
    return Conversion(FAMILY, asdict(config), params, {}, PERCEPTUAL)


def _version(arrays: Mapping[str, np.ndarray]) -> Version:
    """The version whose fire modules' numbers are there."""
    matches = (re.fullmatch(rf"features\.(\d+)\.{_PARTS}", name) for name in arrays)
    there = {int(match[1]) for match in matches if match}
    return max(_FIRES, key=lambda version: len(there & set(_FIRES[version])))


TORCHVISION = Layout(
    name="squeezenet_torchvision",
    codebases="torchvision's squeezenet1_0 and squeezenet1_1",
    keys=(r"(features\.0|classifier\.1)\.(weight|bias)",),
    own=(rf"features\.\d+\.{_PARTS}",),
    preferred=(),
    options=("taps",),
    convert=_torchvision,
)
CAFFE = Layout(
    name="squeezenet_caffe",
    codebases="the Caffe original's weights as named arrays",
    keys=(r"(conv1|conv_final)\.(weight|bias)",),
    own=(r"fire\d\.(conv1x1_1|conv1x1_2|conv3x3_2)\.(weight|bias)",),
    preferred=(),
    options=("taps",),
    convert=_caffe,
)
