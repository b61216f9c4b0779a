"""akanimax/pro_gan_pytorch, version 3 (``layers.0`` is the first block) and 2 (``initial_block``).

The first layer is a transposed convolution, met as stored; its He constant counts the code's
length alone. Between the two convolutions of the first block there is no pixel norm. Image layers
have gain sqrt(2). ``alpha`` is the share of the *last* resolution and 1 unless a caller says
otherwise. Version 2 does not normalise the code either. Trained without equalised rates, keys are
the same.
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
    Stack,
    StackKeys,
    assemble,
    he,
    he_scales,
    read_stack,
)


def _convert_v3(group: Group, choices: Choices) -> Conversion:
    levels = max(1, count(group.arrays, r"layers\.(\d{1,2})\..*"))
    blocks = [f"layers.{i}" for i in range(levels)]
    stored = plain_settings(group.beside.get("conf")).get("use_eql")
    # Resolution is 2 ** depth.
    return _convert(group, choices, blocks, stored, lowest_depth=2, unnormalised=(1,))


def _convert_v2(group: Group, choices: Choices) -> Conversion:
    levels = 1 + count(group.arrays, r"layers\.(\d{1,2})\..*")
    blocks = ["initial_block", *(f"layers.{i}" for i in range(levels - 1))]
    # Resolution is 4 * 2 ** (depth - 1).
    return _convert(group, choices, blocks, None, lowest_depth=1, unnormalised=(0, 1))


def _convert(
    group: Group,
    choices: Choices,
    blocks: list[str],
    use_eql: Any,
    lowest_depth: int,
    unnormalised: tuple[int, ...],
) -> Conversion:
    layers = [f"{block}.conv_{j}" for block in blocks for j in (1, 2)]

    def kernel(name: str) -> Key:
        return Key(f"{name}.weight", "I O H W" if name == layers[0] else "O I H W")

    rgb = [f"rgb_converters.{level}" for level in range(len(blocks))]
    keys = StackKeys(
        kernels=tuple(map(kernel, layers)),
        biases=tuple(Key(f"{name}.bias", "O") for name in layers),
        rgb={i: (kernel(name), Key(f"{name}.bias", "O")) for i, name in enumerate(rgb)},
    )
    stack = read_stack(group.arrays, keys)
    equalised = choices.pick("equalised", stored=use_eql, ask=_advice(stack))
    choices.ask_if_needed()
    alpha = choices.pick("alpha", default=1.0)
    depth = choices.pick("depth", default=lowest_depth + stack.top)
    level = depth - lowest_depth
    if not 0 <= level <= stack.top:
        raise InputError(
            f"depth is {depth}, but this network has depths "
            f"{lowest_depth} to {lowest_depth + stack.top}"
        )
    config = PGGANConfig(
        stack.latent_dim,
        unnormalised=unnormalised,
        fade=faded(1 - alpha, level),
        **settle_facts(group, choices),
        **up_to(stack, level),
    )
    scales = he_scales(stack, first_fan_in=stack.latent_dim) if equalised else [1.0] * len(layers)
    cuts = {block: 2 * i + 1 for i, block in enumerate(blocks)}
    return assemble(config, stack, scales, he(SQRT2) if equalised else lambda _: 1.0, cuts)


def _advice(stack: Stack) -> str:
    """What the weights themselves suggest: equalised ones are drawn with deviation 1."""
    deviation = float(np.std(stack.kernels[1]))
    return (
        "the codebase's default is true; kernels are drawn with standard deviation 1 if true and "
        f"far smaller if false, and here it is {deviation:.2g}"
    )


_CONV = r"conv_[12]\.(weight|bias)"
_RGB = r"rgb_converters\.\d+\.(weight|bias)"
_OPTIONS = ("equalised", "alpha", "depth", *OPTIONS)

V2 = Layout(
    name="pggan_akanimax_v2",
    codebases="akanimax/pro_gan_pytorch version 2",
    keys=(rf"layers\.\d+\.{_CONV}", _RGB),
    own=(rf"initial_block\.{_CONV}",),
    preferred=("generator",),
    options=_OPTIONS,
    convert=_convert_v2,
)
V3 = Layout(
    name="pggan_akanimax",
    codebases="akanimax/pro_gan_pytorch version 3",
    keys=(rf"layers\.\d+\.{_CONV}",),
    own=(_RGB,),
    preferred=("shadow_generator", "generator"),
    options=_OPTIONS,
    convert=_convert_v3,
)
