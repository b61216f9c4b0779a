"""OpenMMLab's mmgeneration and mmagic: rosinality's network under other names, often two in one.

A file holds one state dict, whose keys begin with ``generator_ema`` for the averaged network,
``generator`` and ``discriminator``; the first of these that is there is taken. The codebase reads
and draws pictures as blue, green, red, unless it is told otherwise, which the file does not say.
"""

from pmsfc_jax.core.typing import Params
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.stylegan2.equalised import Names, convert
from pmsfc_jax.weights.layouts.stylegan2.facts import SETTINGS

_NETWORKS = ("generator_ema.", "generator.", "")
_NAMES = Names(
    mapping="style_mapping.",
    dense=".linear.weight_orig",
    const="constant_input.input",
    kernel=".conv.weight_orig",
    style=".conv.style_modulation",
    strength=".noise_injector.weight",
    noise="injected_noise_",
)


def _convert(group: Group, choices: Choices) -> Conversion:
    prefix = next(p for p in _NETWORKS if any(key.startswith(p) for key in group.arrays))
    arrays = {
        key.removeprefix(prefix): array
        for key, array in group.arrays.items()
        if key.startswith(prefix)
    }
    choices.note("network", prefix.removesuffix(".") or "the only one")
    mean = {"w_avg": arrays.pop("w_avg")} if "w_avg" in arrays else {}
    conversion = convert(arrays, _NAMES, choices, mean)
    if choices.pick("colours", default="bgr") == "bgr":
        _exchange_red_and_blue(conversion.params)
    return conversion


def _exchange_red_and_blue(params: Params) -> None:
    for name, rgb in params.items():
        if name.startswith("rgb"):
            rgb |= {part: rgb[part][..., ::-1].copy() for part in ("kernel", "bias")}


LAYOUT = Layout(
    name="stylegan2_openmmlab",
    codebases="open-mmlab/mmgeneration, open-mmlab/mmagic",
    keys=(
        r"(generator(_ema)?\.)?(style_mapping|constant_input|conv1|convs|to_rgb1|to_rgbs)\..*",
        r"(generator(_ema)?\.)?(injected_noise_\d+|w_avg)",
        r"discriminator\..*",
    ),
    own=(r"(generator(_ema)?\.)?to_rgb(1|s\.\d+)\.conv\.style_modulation\..*",),
    preferred=("state_dict",),
    options=(*SETTINGS, "colours"),
    convert=_convert,
)
