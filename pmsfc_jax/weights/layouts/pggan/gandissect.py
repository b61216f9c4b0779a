"""GAN Dissection and ganseeing: ``layerN`` counted from 1, one image layer named by its resolution.

Scales are He constants at run time; where a file stores them (``layerN.wscale.scale``) the stored
ones are used. GAN Dissection leaves the image as it is, ganseeing clips it; the file is the same.
"""

import math

from pmsfc_jax.nn.pggan import PGGANConfig
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.pggan.facts import OPTIONS, settle_facts
from pmsfc_jax.weights.layouts.pggan.growth import up_to
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
    levels = max(1, math.ceil((count(arrays, r"layer(\d{1,2})\..*") - 1) / 2))
    layers = [f"layer{i + 1}" for i in range(2 * levels)]
    side = 4 * 2 ** (levels - 1)
    image = f"output_{side}x{side}"
    stored = any(name.endswith(".wscale.scale") for name in arrays)
    keys = StackKeys(
        kernels=tuple(Key(f"{n}.conv.weight", "O I H W", n == layers[0]) for n in layers),
        biases=tuple(Key(f"{name}.wscale.b", "O") for name in layers),
        rgb={levels - 1: (Key(f"{image}.conv.weight", "O I H W"), Key(f"{image}.wscale.b", "O"))},
        others={f"{name}.wscale.scale": (1,) for name in [*layers, image]} if stored else {},
    )
    stack = read_stack(arrays, keys)
    facts = settle_facts(group, choices, output=None, ask="gandissect uses linear, ganseeing clip")
    choices.ask_if_needed()
    config = PGGANConfig(stack.latent_dim, **facts, **up_to(stack, stack.top))
    cuts = {name: layer for layer, name in enumerate(layers)}
    if not stored:
        scales = he_scales(stack, first_fan_in=16 * stack.latent_dim)
        return assemble(config, stack, scales, he(1.0), cuts)
    scales = [float(stack.others[f"{name}.wscale.scale"][0]) for name in layers]
    rgb_scale = float(stack.others[f"{image}.wscale.scale"][0])
    return assemble(config, stack, scales, lambda _: rgb_scale, cuts)


LAYOUT = Layout(
    name="pggan_gandissect",
    codebases="CSAILVision/gandissect, davidbau/ganseeing",
    keys=(r"layer\d+\.(conv\.weight|wscale\.scale)",),
    own=(r"layer\d+\.wscale\.b", r"output_\d+x\d+\.(conv\.weight|wscale\.(scale|b))"),
    preferred=("state_dict", "generator"),
    options=OPTIONS,
    convert=_convert,
)
