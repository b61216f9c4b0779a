"""ptrblck/prog_gans_pytorch_inference: ``features.N``, with each layer's scale stored beside it.

The stored scale counts, not the He constant: they are near each other and not equal. One image
layer, that of the last resolution.
"""

import math

from pmsfc_jax.nn.pggan import PGGANConfig
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.pggan.facts import OPTIONS, settle_facts
from pmsfc_jax.weights.layouts.pggan.growth import up_to
from pmsfc_jax.weights.layouts.pggan.stack import Key, StackKeys, assemble, read_stack


def _convert(group: Group, choices: Choices) -> Conversion:
    levels = max(1, math.ceil(count(group.arrays, r"features\.(\d{1,2})\..*") / 2))
    layers = [f"features.{i}" for i in range(2 * levels)]
    keys = StackKeys(
        kernels=tuple(Key(f"{n}.conv.weight", "O I H W", n == layers[0]) for n in layers),
        biases=tuple(Key(f"{name}.wscale.b", "O") for name in layers),
        rgb={levels - 1: (Key("output.conv.weight", "O I H W"), Key("output.wscale.b", "O"))},
        others={f"{name}.wscale.scale": (1,) for name in [*layers, "output"]},
    )
    stack = read_stack(group.arrays, keys)
    facts = settle_facts(group, choices)
    config = PGGANConfig(stack.latent_dim, **facts, **up_to(stack, stack.top))
    scales = [float(stack.others[f"{name}.wscale.scale"][0]) for name in layers]
    rgb_scale = float(stack.others["output.wscale.scale"][0])
    cuts = {name: layer for layer, name in enumerate(layers)}
    return assemble(config, stack, scales, lambda _: rgb_scale, cuts)


LAYOUT = Layout(
    name="pggan_ptrblck",
    codebases="ptrblck/prog_gans_pytorch_inference, guanyuelee/PmSFC models/ProgGAN",
    keys=(r"output\.(conv\.weight|wscale\.(scale|b))",),
    own=(r"features\.\d+\.(conv\.weight|wscale\.(scale|b))",),
    preferred=("generator",),
    options=OPTIONS,
    convert=_convert,
)
