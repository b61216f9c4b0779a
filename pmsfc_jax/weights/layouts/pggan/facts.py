"""Settle what the arrays of a PGGAN do not say: as given, as a module says, else as assumed."""

from collections.abc import Mapping
from typing import Any

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.layers import NORM_EPSILON
from pmsfc_jax.weights.layouts.layout import Group
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.networks.group import Layer

#: What can be set, whatever the codebase.
OPTIONS = ("output", "slope", "upsample")

# Layers that a PGGAN of ours cannot have, by the name of their class.
_ODD = """
    ELU SELU CELU GELU SiLU Mish Softplus PReLU RReLU ReLU6 Hardswish Sigmoid PixelShuffle Dropout
    InstanceNorm2d GroupNorm LayerNorm LocalResponseNorm BatchNorm2d AvgPool2d MaxPool2d
"""
_MODES = {"UpsamplingNearest2d": "nearest", "UpsamplingBilinear2d": "bilinear"}


def settle_facts(
    group: Group,
    choices: Choices,
    *,
    slope: float = 0.2,
    upsample: str = "nearest",
    output: str | None = "linear",
    ask: str = "",
    stored: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Settle slope, upsampling and output, each recorded in ``choices``.

    Args:
      group: the network; its layers are asked where the file is a whole module.
      choices: may set all three.
      slope: what the codebase uses, as do the next two.
      upsample: ``"nearest"`` or ``"bilinear"``.
      output: ``None`` where there is no safe default.
      ask: which values of ``output`` the codebases use.
      stored: what a configuration in the file says.

    Returns:
      Values for `PGGANConfig`; ``None`` for what `Choices.ask_if_needed` will ask for.

    Raises:
      InputError: the module has a layer that cannot be used; it is named.

    """
    said = {**_said(group.layers), **{k: v for k, v in (stored or {}).items() if v is not None}}
    return {
        "slope": choices.pick("slope", stored=said.get("slope"), default=slope),
        "upsample": choices.pick("upsample", stored=said.get("upsample"), default=upsample),
        "output": choices.pick("output", stored=said.get("output"), default=output, ask=ask),
    }


def _said(layers: Mapping[str, Layer]) -> dict[str, Any]:
    """What the layers of a whole module say."""
    found: dict[str, tuple[str, Any]] = {}

    def say(fact: str, value: Any, name: str) -> None:
        first, known = found.setdefault(fact, (name, value))
        if known != value:
            raise InputError(
                f"the file says {fact} {known} at {first} and {value} at {name}: "
                "only one for the whole network can be used"
            )

    for name, layer in layers.items():
        settings = layer.settings
        if layer.kind in _ODD.split():
            raise InputError(
                f"the file says that {name} is of class {layer.kind}, which cannot be used"
            )
        if layer.kind == "LeakyReLU":
            say("slope", settings.get("negative_slope"), name)
        elif layer.kind == "ReLU":
            say("slope", 0.0, name)
        elif layer.kind in ("Upsample", *_MODES):
            say("upsample", _MODES.get(layer.kind, settings.get("mode")), name)
        elif layer.kind == "Tanh":
            say("output", "tanh", name)
        elif layer.kind == "Hardtanh":
            say("output", "clip", name)
        elif "pixel" in layer.kind.lower() and "norm" in layer.kind.lower():
            epsilon = settings.get("eps", settings.get("epsilon", NORM_EPSILON))
            if epsilon != NORM_EPSILON:
                raise InputError(
                    f"the file says that {name} is of class {layer.kind} with {epsilon}: "
                    f"only {NORM_EPSILON} can be used"
                )
    return {fact: value for fact, (_, value) in found.items()}
