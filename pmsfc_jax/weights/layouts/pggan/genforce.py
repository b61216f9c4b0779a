"""The GenForce library: ``layerN.weight`` and ``.bias``, several networks in one file.

The function of the mGANprior layout, but with a true cross-fade at a level of detail that is not
whole. Fused upsampling layers have the same names as plain ones and are IOHW; shapes tell them
apart except where every such layer has as many inputs as outputs.
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
    # The library's own converter never writes fused layers.
    fused = choices.pick("fused", stored=_looks_fused(group, levels), default=False)

    def kernel(layer: int) -> Key:
        transposed = fused and layer and layer % 2 == 0
        axes = "I O H W" if transposed else "O I H W"
        return Key(f"layer{layer}.weight", axes, turned=bool(transposed) or layer == 0)

    keys = StackKeys(
        kernels=tuple(kernel(i) for i in range(2 * levels)),
        biases=tuple(Key(f"layer{i}.bias", "O") for i in range(2 * levels)),
        rgb={
            i: (Key(f"output{i}.weight", "O I H W"), Key(f"output{i}.bias", "O"))
            for i in range(levels)
        },
        others={"lod": ()},
    )
    stack = read_stack(arrays, keys)
    lod = choices.pick("lod", stored=float(stack.others["lod"]))
    config = PGGANConfig(
        stack.latent_dim,
        **settle_facts(group, choices),
        **at_lod(stack, lod),
    )
    scales = he_scales(stack, first_fan_in=16 * stack.latent_dim)
    cuts = {f"layer{i}": i for i in range(2 * levels)}
    return assemble(config, stack, scales, he(1.0), cuts)


def _looks_fused(group: Group, levels: int) -> bool | None:
    """Whether upsampling layers have the shapes of fused ones; ``None`` if they cannot tell."""
    votes = set()
    for layer in range(2, 2 * levels, 2):
        names = (f"layer{layer}.weight", f"layer{layer - 1}.bias", f"layer{layer}.bias")
        if all(name in group.arrays for name in names):
            shape, incoming, outgoing = (group.arrays[name].shape for name in names)
            if incoming != outgoing:
                votes.add(shape[:2] == incoming + outgoing)
    return votes.pop() if len(votes) == 1 else None


LAYOUT = Layout(
    name="pggan_genforce",
    codebases="genforce/genforce",
    keys=(r"lod", r"layer\d+\.(weight|bias)"),
    own=(r"output\d+\.(weight|bias)",),
    preferred=("generator_smooth", "generator"),
    options=("lod", "fused", *OPTIONS),
    convert=_convert,
)
