"""VGG16 of its authors (Oxford), by Caffe's names or as Keras publishes it.

Caffe's are ``conv1_1.weight`` (O, I, k, k). Keras has an HDF5 file of groups ``block1_conv1`` with
kernels (k, k, I, O) called ``block1_conv1_W_1:0`` or ``kernel:0``. Classifiers are left out, and
blocks after any pooling may be missing. The weights take BGR pixels minus their mean.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.vgg16 import FAMILY, TAPS, VGG16Config, abstract_params, layer_names
from pmsfc_jax.weights.layouts.judges.convolutions import chosen_taps, convert_convolutions
from pmsfc_jax.weights.layouts.layout import PERCEPTUAL, Conversion, Group, Layout
from pmsfc_jax.weights.layouts.options import Choices

_STANDARD = VGG16Config()
_CLASSIFIER = r"(.*/)?(fc\d?|fc[678]|predictions)[./].*"
_KERAS = r"(?:.*/)?block(\d)_conv(\d)/(?:.*[_/])?(W_1|kernel|b_1|bias)(?::0)?"
_PARTS = {"W_1": "weight", "kernel": "weight", "b_1": "bias", "bias": "bias"}


def _caffe(group: Group, choices: Choices) -> Conversion:
    return _converted(group.arrays, choices)


def _keras(group: Group, choices: Choices) -> Conversion:
    arrays: dict[str, np.ndarray] = {}
    for name, array in group.arrays.items():
        match = re.fullmatch(_KERAS, name)
        ours = name if match is None else f"conv{match[1]}_{match[2]}.{_PARTS[match[3]]}"
        if ours in arrays:
            raise InputError(f"{name} is in the file twice, under two names")
        arrays[ours] = array.transpose(3, 2, 0, 1) if match and array.ndim == 4 else array
    return _converted(arrays, choices)


def _converted(arrays: Mapping[str, np.ndarray], choices: Choices) -> Conversion:
    blocks = [int(m[1]) for name in arrays if (m := re.fullmatch(r"conv([1-5])_\d\.\w+", name))]
    count = max(blocks, default=1)
    widths = list(_STANDARD.widths[:count])
    for block in range(count):
        first = arrays.get(f"conv{block + 1}_1.weight")
        if first is not None and first.ndim and len(first):
            widths[block] = len(first)
    default = _STANDARD.taps if count >= 3 else (TAPS[count - 1],)
    choices.note("input", "caffe")
    config = VGG16Config(tuple(widths), taps=chosen_taps(choices, default), input="caffe")
    names = {name: name for name in layer_names(count)}
    params = convert_convolutions(arrays, names, abstract_params(config), _CLASSIFIER)
    return Conversion(FAMILY, asdict(config), params, {}, PERCEPTUAL)


CAFFE = Layout(
    name="vgg16_oxford",
    codebases="the authors' VGG16 as named arrays",
    keys=(_CLASSIFIER,),
    own=(r"conv[1-5]_[123]\.(weight|bias)",),
    preferred=(),
    options=("taps",),
    convert=_caffe,
)
KERAS = Layout(
    name="vgg16_keras",
    codebases="the authors' VGG16 as Keras publishes it",
    keys=(_CLASSIFIER,),
    own=(_KERAS,),
    preferred=(),
    options=("taps",),
    convert=_keras,
)
