"""The official TensorFlow pickle: a triple (G, D, Gs) of networks, each a list of named variables.

Kernels are HWIO; fused upsampling ones (``Conv0_up``) HWOI transposed convolutions, which meet
their kernel turned. The first layer is dense, ``[z, C * 16]`` reshaped to ``[C, 4, 4]``, with a
quarter of the gain. ``ToRGB_lod0`` is the finest image layer. The network's own arguments tell the
rest.
"""

from typing import Any

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.layers import NORM_EPSILON
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
    sides = [4 * 2**i for i in range(18)]
    present = [i for i, n in enumerate(sides) if any(k.startswith(f"{n}x{n}/") for k in arrays)]
    levels = 1 + max(present, default=0)
    levels = max(levels, count(arrays, r"ToRGB_lod(\d{1,2})/.*"))
    fused = {n for n in sides if f"{n}x{n}/Conv0_up/weight" in arrays}

    layers = [("4x4/Dense", "I OHW"), ("4x4/Conv", "H W I O")]
    for n in sides[1:levels]:
        first = (f"{n}x{n}/Conv0_up", "H W O I") if n in fused else (f"{n}x{n}/Conv0", "H W I O")
        layers += [first, (f"{n}x{n}/Conv1", "H W I O")]
    rgb = {level: f"ToRGB_lod{levels - 1 - level}" for level in range(levels)}
    keys = StackKeys(
        kernels=tuple(Key(f"{n}/weight", a, turned=n.endswith("_up")) for n, a in layers),
        biases=tuple(Key(f"{name}/bias", "O") for name, _ in layers),
        rgb={
            level: (Key(f"{name}/weight", "H W I O"), Key(f"{name}/bias", "O"))
            for level, name in rgb.items()
        },
        others={"lod": ()},
    )
    stack = read_stack(arrays, keys)
    settings = _settings(group)
    lod = choices.pick("lod", stored=float(stack.others["lod"]))
    equalised = choices.pick("equalised", stored=settings.get("use_wscale"), default=True)
    choices.note("fused", bool(fused))
    unnormalised: tuple[int, ...] = () if settings.get("normalize_latents", True) else (0,)
    if not settings.get("use_pixelnorm", True):
        unnormalised += tuple(range(1, len(layers) + 1))
    leaky = settings.get("use_leakyrelu")
    slope = None if leaky is None else 0.2 if leaky else 0.0
    config = PGGANConfig(
        stack.latent_dim,
        unnormalised=unnormalised,
        **settle_facts(group, choices, stored={"slope": slope}),
        **at_lod(stack, lod),
    )
    scales = he_scales(stack, first_fan_in=16 * stack.latent_dim)
    cuts = {f"{n}x{n}": 2 * i + 1 for i, n in enumerate(sides[:levels])}
    if not equalised:
        return assemble(config, stack, [1.0] * len(layers), lambda _: 1.0, cuts)
    return assemble(config, stack, scales, he(1.0), cuts)


def _settings(group: Group) -> dict[str, Any]:
    """Arguments the network was made with; empty where only its variables were saved."""
    settings = plain_settings(group.node.get("static_kwargs"))
    if settings.get("label_size"):
        raise InputError("the generator is conditional (label_size > 0): not supported")
    if settings.get("pixelnorm_epsilon", NORM_EPSILON) != NORM_EPSILON:
        raise InputError(
            f"pixelnorm_epsilon is {settings['pixelnorm_epsilon']}: only {NORM_EPSILON} can be used"
        )
    return settings


LAYOUT = Layout(
    name="pggan_tf",
    codebases="tkarras/progressive_growing_of_gans (TensorFlow)",
    keys=(r"lod", r"\d+x\d+/(Dense|Conv|Conv0|Conv0_up|Conv1)/(weight|bias)"),
    own=(r"ToRGB_lod\d+/(weight|bias)", r"\d+x\d+/Conv0_up/(weight|bias)"),
    preferred=("Gs", "G"),
    options=("lod", "equalised", *OPTIONS),
    convert=_convert,
    labels={"0": "G", "1": "D", "2": "Gs"},
)
