"""facebookresearch/pytorch_GAN_zoo: ``netG``, ``avgG`` and a pickled configuration object.

A layer is ``c * (W x + b)``: its scale multiplies the bias too, and every gain is sqrt(2), that of
the image layers included. The first layer is dense with a bias for each pixel, which becomes the
kernel row of a constant 1 after the code. ``alpha`` is the share of the resolution *below*.
"""

from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.pggan import PGGANConfig
from pmsfc_jax.weights.layouts.layout import (
    Conversion,
    Group,
    Layout,
    count,
    plain_settings,
)
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.pggan.facts import OPTIONS, settle_facts
from pmsfc_jax.weights.layouts.pggan.growth import faded, up_to
from pmsfc_jax.weights.layouts.pggan.stack import (
    SQRT2,
    Key,
    StackKeys,
    assemble,
    he,
    he_scales,
    read_stack,
)

_OUTPUTS = {"WGANGP": "linear", "Logistic": "linear", "MSE": "tanh", "DCGAN": "tanh"}


def _convert(group: Group, choices: Choices) -> Conversion:
    levels = 1 + count(group.arrays, r"scaleLayers\.(\d{1,2})\..*")
    later = [f"scaleLayers.{i}.{j}" for i in range(levels - 1) for j in (0, 1)]

    def pair(name: str, axes: str, bias: str = "O") -> tuple[Key, Key]:
        return Key(f"{name}.weight", axes), Key(f"{name}.bias", bias)

    layers = [pair("formatLayer", "OHW I", "OHW")]
    layers += [pair(name, "O I H W") for name in ["groupScale0.0", *later]]
    keys = StackKeys(
        kernels=tuple(kernel for kernel, _ in layers),
        biases=tuple(bias for _, bias in layers),
        rgb={i: pair(f"toRGBLayers.{i}", "O I H W") for i in range(levels)},
    )
    stack = read_stack(group.arrays, keys)

    settings = _settings(group)
    facts = settle_facts(
        group,
        choices,
        output=None,
        ask="linear for the losses WGANGP (the default) and Logistic, tanh for MSE and DCGAN",
        stored={
            "output": _OUTPUTS.get(settings.get("lossCriterion", "")),
            "slope": settings.get("leakyReluLeak"),
        },
    )
    equalised = choices.pick(
        "equalised", stored=settings.get("equalizedlR"), ask="true unless trained without it"
    )
    alpha = choices.pick("alpha", stored=settings.get("alpha"), default=0.0)
    choices.ask_if_needed()

    first = np.concatenate([stack.kernels[0], stack.biases[0][None]])
    stack = stack._replace(
        kernels=(first, *stack.kernels[1:]),
        biases=(np.zeros(stack.widths[0], np.float32), *stack.biases[1:]),
    )
    config = PGGANConfig(
        stack.latent_dim,
        **facts,
        fade=faded(alpha, stack.top),
        label_dim=1,
        **up_to(stack, stack.top),
    )
    scales = he_scales(stack, first_fan_in=stack.latent_dim) if equalised else [1.0] * len(layers)
    cuts = {"formatLayer": 0, "scale0": 1}
    cuts |= {f"scaleLayers.{i}": 2 * i + 3 for i in range(levels - 1)}
    return assemble(
        config,
        stack,
        scales,
        he(SQRT2) if equalised else lambda _: 1.0,
        cuts,
        scaled_biases=True,
        label=np.ones(1, np.float32),
    )


def _settings(group: Group) -> dict[str, Any]:
    """The training configuration, empty where the file has none."""
    settings = plain_settings(group.beside.get("config"))
    if settings.get("categoryVectorDim"):
        raise InputError("the generator is conditional (categoryVectorDim > 0): not supported")
    if settings.get("perChannelNormalization") is False:
        raise InputError("the generator has no pixel norm (perChannelNormalization): not supported")
    return settings


LAYOUT = Layout(
    name="pggan_zoo",
    codebases="facebookresearch/pytorch_GAN_zoo",
    keys=(r"(groupScale0\.0|scaleLayers\.\d+\.[01])\.(weight|bias)",),
    own=(r"(formatLayer|toRGBLayers\.\d+)\.(weight|bias)",),
    preferred=("avgG", "netG"),
    options=("equalised", "alpha", *OPTIONS),
    convert=_convert,
)
