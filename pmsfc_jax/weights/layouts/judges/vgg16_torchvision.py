"""torchvision's VGG16: ``features.N``, numbered among their ReLUs and poolings.

The classifier is left out, and may be missing, as may the blocks after any pooling. Torchvision's
weights take standardised images; ``input="raw"`` is for comparing with codebases that do not.
"""

from dataclasses import asdict

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.vgg16 import (
    FAMILY,
    TAPS,
    VGG16Config,
    abstract_params,
    layer_names,
)
from pmsfc_jax.weights.layouts.judges.convolutions import chosen_taps, convert_convolutions
from pmsfc_jax.weights.layouts.judges.layers import check_layers
from pmsfc_jax.weights.layouts.judges.relatives import VGG16, other_vgg
from pmsfc_jax.weights.layouts.layout import PERCEPTUAL, Conversion, Group, Layout
from pmsfc_jax.weights.layouts.options import Choices

_STANDARD = VGG16Config()


def _convert(group: Group, choices: Choices) -> Conversion:
    relative = other_vgg(group.arrays)
    if relative:
        raise InputError(relative)
    check_layers(group.layers, {"kernel_size": 2, "stride": 2, "padding": 0, "ceil_mode": False})
    names = dict(zip(layer_names(len(TAPS)), (f"features.{n}" for n in VGG16), strict=True))
    there = [name for name in names if f"{names[name]}.weight" in group.arrays]
    blocks = max((int(name[4]) for name in there), default=1)
    widths = list(_STANDARD.widths[:blocks])
    for block in range(blocks):
        first = group.arrays.get(f"{names[f'conv{block + 1}_1']}.weight")
        if first is not None and first.ndim and len(first):
            widths[block] = len(first)
    default = _STANDARD.taps if TAPS.index(_STANDARD.taps[0]) < blocks else (TAPS[blocks - 1],)
    config = VGG16Config(
        tuple(widths),
        taps=chosen_taps(choices, default),
        input=choices.pick("input", default="imagenet"),
    )
    used = {name: names[name] for name in layer_names(blocks)}
    params = convert_convolutions(
        group.arrays, used, abstract_params(config), r"classifier\.\d\.(weight|bias)"
    )
    return Conversion(FAMILY, asdict(config), params, {}, PERCEPTUAL)


_LAYERS = "|".join(map(str, VGG16))

LAYOUT = Layout(
    name="vgg16_torchvision",
    codebases="torchvision's vgg16",
    keys=(r"classifier\.[036]\.(weight|bias)",),
    own=(rf"features\.({_LAYERS})\.(weight|bias)",),
    preferred=(),
    options=("taps", "input"),
    convert=_convert,
)
