"""rosinality/progressive-gan-pytorch: a whole pickled module, or its state dict.

Pixel norm between convolution and activation, none elsewhere but on the code. A class embedding
follows the normalised code. Convolutions are scaled at run time (``weight_orig``), image layers
are not. The file has every resolution whether it was trained or not.
"""

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.pggan import PGGANConfig
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.pggan.facts import OPTIONS, settle_facts
from pmsfc_jax.weights.layouts.pggan.growth import faded, up_to
from pmsfc_jax.weights.layouts.pggan.stack import Key, StackKeys, assemble, he_scales, read_stack


def _convert(group: Group, choices: Choices) -> Conversion:
    levels = max(1, count(group.arrays, r"progression\.(\d{1,2})\..*"))
    layers = [f"progression.{i}.conv.{j}.conv" for i in range(levels) for j in (0, 3)]
    keys = StackKeys(
        kernels=tuple(Key(f"{n}.weight_orig", "O I H W", n == layers[0]) for n in layers),
        biases=tuple(Key(f"{name}.bias", "O") for name in layers),
        rgb={
            i: (Key(f"to_rgb.{i}.weight", "O I H W"), Key(f"to_rgb.{i}.bias", "O"))
            for i in range(levels)
        },
        others={"label_embed.weight": (None, None)},
    )
    stack = read_stack(group.arrays, keys)
    embedding = stack.others["label_embed.weight"]
    classes, label_dim = embedding.shape
    if not 0 < label_dim < stack.latent_dim or not classes:
        raise InputError(
            f"label_embed.weight of shape {embedding.shape} leaves no room for a code in the "
            f"{stack.latent_dim} inputs of {layers[0]}"
        )
    label = choices.pick(
        "label",
        default=0 if classes == 1 else None,
        ask=f"it was trained on {classes} classes, 0 to {classes - 1}",
    )
    step = choices.pick(
        "step", ask=f"0 to {stack.top} for 4x4 to {4 * 2**stack.top}x{4 * 2**stack.top}"
    )
    choices.ask_if_needed()
    if label >= classes or step > stack.top:
        raise InputError(
            f"label is {label} and step {step}, but this network has labels 0 to {classes - 1} "
            f"and steps 0 to {stack.top}"
        )
    alpha = choices.pick("alpha", default=1.0)
    config = PGGANConfig(
        stack.latent_dim - label_dim,
        norm="preactivation",
        label_dim=label_dim,
        fade=faded(1 - alpha, step),
        **settle_facts(group, choices),
        **up_to(stack, step),
    )
    scales = he_scales(stack, first_fan_in=16 * stack.latent_dim)
    cuts = {f"progression.{i}": 2 * i + 1 for i in range(levels)}
    return assemble(config, stack, scales, lambda _: 1.0, cuts, label=embedding[label])


LAYOUT = Layout(
    name="pggan_rosinality",
    codebases="rosinality/progressive-gan-pytorch",
    keys=(r"progression\.\d+\.conv\.\d+\.conv\.(weight_orig|bias)",),
    own=(r"to_rgb\.\d+\.(weight|bias)", r"label_embed\.weight"),
    preferred=("g_running", "generator"),
    options=("label", "step", "alpha", *OPTIONS),
    convert=_convert,
)
