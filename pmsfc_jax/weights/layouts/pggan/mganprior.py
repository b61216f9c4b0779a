"""mGANprior, HiGAN, InterFaceGAN, the authors' PmSFC: flat ``layerN.conv.weight``, plain or fused.

Pixel norm before each convolution; kernels scaled at run time, biases not; an image layer for each
resolution. ``layer0`` is a 4x4 convolution with padding 3 on one pixel, which meets its kernel
turned by half a turn. Fused upsampling layers (``layerN.weight``, HWIO) are transposed
convolutions, likewise turned. A level of detail that is not whole acts as the next whole one: this
codebase does not fade.
"""

import math

from pmsfc_jax.nn.pggan import PGGANConfig
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.pggan.facts import OPTIONS, settle_facts
from pmsfc_jax.weights.layouts.pggan.growth import at_lod
from pmsfc_jax.weights.layouts.pggan.stack import (
    Key,
    StackKeys,
    assemble,
    he,
    he_scales,
    read_stack,
)


def _convert(group: Group, choices: Choices) -> Conversion:
    arrays = group.arrays
    levels = max(1, math.ceil(count(arrays, r"layer(\d{1,2})\..*") / 2))
    fused = {i for i in range(2, 2 * levels, 2) if f"layer{i}.weight" in arrays}

    def kernel(layer: int) -> Key:
        if layer in fused:
            return Key(f"layer{layer}.weight", "H W I O", turned=True)
        return Key(f"layer{layer}.conv.weight", "O I H W", turned=layer == 0)

    keys = StackKeys(
        kernels=tuple(kernel(i) for i in range(2 * levels)),
        biases=tuple(Key(f"layer{i}.wscale.bias", "O") for i in range(2 * levels)),
        rgb={
            i: (Key(f"output{i}.conv.weight", "O I H W"), Key(f"output{i}.wscale.bias", "O"))
            for i in range(levels)
        },
        others={"lod": ()},
    )
    stack = read_stack(arrays, keys)
    lod = choices.pick("lod", stored=float(stack.others["lod"]))
    choices.note("fused", bool(fused))
    config = PGGANConfig(
        stack.latent_dim,
        **settle_facts(group, choices),
        **at_lod(stack, math.ceil(lod)),
    )
    scales = he_scales(stack, first_fan_in=16 * stack.latent_dim)
    cuts = {f"layer{i}": i for i in range(2 * levels)}
    return assemble(config, stack, scales, he(1.0), cuts)


LAYOUT = Layout(
    name="pggan_mganprior",
    codebases="genforce/mganprior, genforce/higan, genforce/interfacegan, guanyuelee/PmSFC",
    keys=(
        r"lod",
        r"layer\d+\.conv\.weight",
        r"layer\d+\.weight",
        r"output\d+\.conv\.weight",
    ),
    own=(r"(layer|output)\d+\.wscale\.bias",),
    preferred=("generator_smooth", "generator"),
    options=("lod", *OPTIONS),
    convert=_convert,
)
