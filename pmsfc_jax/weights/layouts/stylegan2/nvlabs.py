"""NVlabs/stylegan2-ada-pytorch (and the StyleGAN2 of NVlabs/stylegan3): pickles of whole networks.

Convolutions that are demodulated have no run-time scale, since the norm cancels it; dense layers
and image layers have. Filters sum to one. Which keys there are tells the architecture: a skip
network has image layers at every resolution, a resnet 1x1 convolutions beside its blocks.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.stylegan2 import StyleGAN2Config
from pmsfc_jax.nn.stylegan2_config import Architecture
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.places import Place, fill, side_of
from pmsfc_jax.weights.layouts.stylegan2.facts import (
    MAPPING_RATE,
    SETTINGS,
    check_filters,
    finish,
    settle,
    with_strength,
)
from pmsfc_jax.weights.networks.group import Layer
from pmsfc_jax.weights.reader.records import Record

# Which activation follows which layers, of a whole module.
_ACTIVATIONS = (
    (r"synthesis\.b\d+\.conv[01]|mapping\.fc\d+", "lrelu"),
    (r".*\.affine|mapping\.embed|synthesis\.b\d+\.skip", "linear"),
)


def _check_said(layers: Mapping[str, Layer]) -> None:
    """Refuse other activations by name; a file of arrays alone says nothing of them."""
    for name, layer in layers.items():
        said = layer.settings.get("activation")
        for pattern, usual in _ACTIVATIONS:
            if re.fullmatch(pattern, name) and said not in (None, usual):
                raise InputError(
                    f"the file says that {name} has the activation {said}: only {usual} can be used"
                )


def _convert(group: Group, choices: Choices) -> Conversion:
    _check_said(group.layers)
    arrays = group.arrays
    levels = next(n for n in range(1, 20) if f"synthesis.b{4 * 2**n}.conv1.weight" not in arrays)
    layers = 2 * levels - 1
    blocks = [f"synthesis.b{4 * 2**level}" for level in range(levels)]
    convs = [f"{blocks[(i + 1) // 2]}.conv{(i + 1) % 2}" for i in range(layers)]
    architecture: Architecture = "plain"
    if any(f"{block}.skip.weight" in arrays for block in blocks):
        architecture = "resnet"
    elif f"{blocks[0]}.torgb.weight" in arrays:
        architecture = "skip"
    choices.note("architecture", architecture)
    depth = count(arrays, r"mapping\.fc(\d{1,2})\..*")
    style = side_of(arrays, "mapping.w_avg", "O", "O")
    classes = side_of(arrays, "mapping.embed.weight", "O I", "I") or 0
    incoming = side_of(arrays, "mapping.fc0.weight", "O I", "I")
    widths = [side_of(arrays, f"{block}.conv1.bias", "O", "O") for block in blocks]

    places = [Place("mapping.w_avg", "O", "O", {"O": style}, ("w_mean",))]
    for i in range(depth):
        size = style if i else incoming
        places += _dense(f"mapping.fc{i}", (f"map{i}",), size, style, MAPPING_RATE)
    if classes:
        places += _dense("mapping.embed", ("embed",), classes, style, 1.0)
    const = {"O": widths[0], "H": 4, "W": 4}
    places.append(Place(f"{blocks[0]}.const", "O H W", "HWO", const, ("const",)))
    filters = [f"{name}.resample_filter" for name in (*blocks, *convs)]
    strengths = {f"{conv}.noise_const": f"{conv}.noise_strength" for conv in convs}
    for layer, conv in enumerate(convs):
        side, path = StyleGAN2Config.side(layer), f"conv{layer}"
        sizes = {"I": widths[layer // 2], "O": widths[(layer + 1) // 2], "H": 3, "W": 3}
        square = {"H": side, "W": side}
        places += [
            Place(f"{conv}.weight", "O I H W", "HWIO", sizes, (path, "kernel")),
            Place(f"{conv}.bias", "O", "O", sizes, (path, "bias")),
            Place(f"{conv}.noise_const", "H W", "HW", square, (path, "noise")),
            *_dense(f"{conv}.affine", (path, "style"), style, sizes["I"], 1.0),
        ]
    for level in range(levels) if architecture == "skip" else (levels - 1,):
        rgb, path = f"{blocks[level]}.torgb", f"rgb{4 * 2**level}"
        sizes = {"I": widths[level], "O": 3, "H": 1, "W": 1}
        scale = _scale(sizes["I"])
        places += [
            Place(f"{rgb}.weight", "O I H W", "IO", sizes, (path, "kernel"), scale),
            Place(f"{rgb}.bias", "O", "O", sizes, (path, "bias")),
            *_dense(f"{rgb}.affine", (path, "style"), style, sizes["I"], 1.0),
        ]
    for level in range(1, levels) if architecture == "resnet" else ():
        sizes = {"I": widths[level - 1], "O": widths[level], "H": 1, "W": 1}
        # Two branches meet, each with half the variance.
        scale, skip = math.sqrt(0.5) * _scale(sizes["I"]), f"{blocks[level]}.skip"
        path = f"skip{4 * 2**level}"
        places.append(Place(f"{skip}.weight", "O I H W", "IO", sizes, (path, "kernel"), scale))
        filters.append(f"{skip}.resample_filter")
    others = dict.fromkeys(strengths.values(), ()) | dict.fromkeys(filters, (4, 4))
    params = fill(arrays, places, others, with_strength(arrays, strengths, choices))
    check_filters(arrays, filters, gain=1)
    latent = (incoming or 0) - (style or 0) * bool(classes)
    if levels < 2 or style is None or latent < 1:
        raise InputError(
            f"a code of {latent} and images of {4 * 2 ** (levels - 1)}x{4 * 2 ** (levels - 1)} "
            "make no StyleGAN2"
        )
    config = StyleGAN2Config(
        latent,
        style,
        depth,
        tuple(width or 0 for width in widths),
        architecture,
        num_classes=classes,
        label=choices.maybe("label"),
    )
    cuts = {f"b{4 * 2**level}": 2 * level for level in range(levels)}
    cuts |= {f"b{4 * 2**level}.conv0": 2 * level - 1 for level in range(1, levels)}
    return finish(settle(choices, config, _clamp(group)), params, cuts, choices)


def _scale(size: int | None) -> float:
    return 1 / math.sqrt(size or 1)


def _dense(
    name: str, path: tuple[str, ...], size: int | None, out: int | None, rate: float
) -> list[Place]:
    """Kernel and bias of a dense layer, stored divided by its learning rate."""
    sizes = {"I": size, "O": out}
    return [
        Place(f"{name}.weight", "O I", "IO", sizes, (*path, "kernel"), rate * _scale(size)),
        Place(f"{name}.bias", "O", "O", sizes, (*path, "bias"), rate),
    ]


def _clamp(group: Group) -> float | None:
    """The limit of activations, 0 for none; ``None`` where only arrays were saved."""
    node: Any = group.node
    for name in ("synthesis", "b4", "conv1"):
        modules = node.get("_modules") if isinstance(node, Mapping) else None
        below = modules.get(name) if isinstance(modules, dict) else None
        if not isinstance(below, Record):
            return None
        node = below.attributes
    clamp = node.get("conv_clamp")
    return 0.0 if clamp is None else float(clamp)


LAYOUT = Layout(
    name="stylegan2_nvlabs",
    codebases="NVlabs/stylegan2-ada-pytorch, NVlabs/stylegan3",
    keys=(r"mapping\.(w_avg|(embed|fc\d+)\.(weight|bias))", r"synthesis\.b\d+\..*"),
    own=(r"synthesis\.b4\.const", r"synthesis\.b\d+\.torgb\..*"),
    preferred=("G_ema", "G"),
    options=(*SETTINGS, "label"),
    convert=_convert,
)
