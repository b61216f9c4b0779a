"""odegeasslbc/Progressive-GAN-pytorch: ``progression_4`` to ``_256``, ``to_rgb_8`` to ``_256``.

Three convolutions at 4x4: a transposed one, met as stored, and a block of two. The first one's He
constant counts its *outputs* (their code takes the second axis of every kernel). Pixel norm between
convolution and activation, none on the code; slope 0.1; bilinear upsampling. Every resolution is in
the file whether it was trained or not.
"""

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.pggan import PGGANConfig
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout
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

_SIDES = (4, 8, 16, 32, 64, 128, 256)


def _convert(group: Group, choices: Choices) -> Conversion:
    layers = ["input_layer.0.conv"]
    layers += [f"progression_{side}.conv.{j}.conv" for side in _SIDES for j in (0, 3)]

    def kernel(name: str) -> Key:
        return Key(f"{name}.weight_orig", "I O H W" if name == layers[0] else "O I H W")

    rgb = {level: f"to_rgb_{side}.conv" for level, side in enumerate(_SIDES) if level}
    keys = StackKeys(
        kernels=tuple(map(kernel, layers)),
        biases=tuple(Key(f"{name}.bias", "O") for name in layers),
        rgb={level: (kernel(name), Key(f"{name}.bias", "O")) for level, name in rgb.items()},
        first_block=3,
    )
    stack = read_stack(group.arrays, keys)
    step = choices.pick("step", ask="1 to 6 for 8x8 to 256x256, the last one that was trained")
    facts = settle_facts(
        group,
        choices,
        slope=0.1,
        upsample="bilinear",
        output=None,
        ask="tanh is the codebase's default, linear if made without it",
    )
    choices.ask_if_needed()
    if not 1 <= step <= stack.top:
        raise InputError(f"step is {step}, but this network has steps 1 to {stack.top}")
    alpha = choices.pick("alpha", default=1.0)
    config = PGGANConfig(
        stack.latent_dim,
        norm="preactivation",
        latent_norm=False,
        **facts,
        # Their 8x8 has nothing to fade from and ignores alpha.
        fade=faded(1 - alpha, step, lowest=1),
        **up_to(stack, step),
    )
    scales = he_scales(stack, first_fan_in=16 * stack.widths[0])
    cuts = {"input_layer": 0}
    cuts |= {f"progression_{side}": 2 * level + 2 for level, side in enumerate(_SIDES)}
    return assemble(config, stack, scales, he(SQRT2), cuts)


LAYOUT = Layout(
    name="pggan_odegeasslbc",
    codebases="odegeasslbc/Progressive-GAN-pytorch",
    keys=(r"progression_\d+\.conv\.\d+\.conv\.(weight_orig|bias)",),
    own=(r"to_rgb_\d+\.conv\.(weight_orig|bias)", r"input_layer\.0\.conv\.(weight_orig|bias)"),
    preferred=("g_running", "generator"),
    options=("step", "alpha", *OPTIONS),
    convert=_convert,
)
