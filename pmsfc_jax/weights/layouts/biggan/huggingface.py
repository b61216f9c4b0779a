"""huggingface/pytorch-pretrained-BigGAN: BigGAN-deep with statistics for every truncation.

Spectral norms are torch's, evaluated with the stored vectors. The dense layer's output has its
channels last. What a block is given is ``[z, class]``; here the class comes first. Which blocks
double stands in a separate file: in all that were published it is every second one. The image layer
has more outputs than the three that are used.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.nn.biggan import BigGANConfig, Stage
from pmsfc_jax.weights.layouts.axes import Shape
from pmsfc_jax.weights.layouts.biggan.facts import SETTINGS, settled
from pmsfc_jax.weights.layouts.biggan.norms import (
    at_truncation,
    put_last_norm,
    put_norm,
    stored_sigma,
)
from pmsfc_jax.weights.layouts.biggan.plan import Plan
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.places import Place, fill, side_of

_DENSE, _NORM, _IMAGE = "generator.gen_z", "generator.bn", "generator.conv_to_rgb"

Arrays = Mapping[str, np.ndarray]
Size = int | None


def _convert(group: Group, choices: Choices) -> Conversion:
    arrays = group.arrays
    class_dim = side_of(arrays, "embeddings.weight", "I O", "I")
    classes = side_of(arrays, "embeddings.weight", "I O", "O")
    condition = side_of(arrays, f"{_DENSE}.weight_orig", "O I", "I")
    first_width = side_of(arrays, "generator.layers.0.conv_0.weight_orig", "O I 1 1", "I")
    table = {"O": classes, "I": class_dim}
    plan = Plan([Place("embeddings.weight", "I O", "OI", table, ("classes",))])
    dense = {"I": condition, "O": first_width, "H": 4, "W": 4}
    plan.places += [
        Place(f"{_DENSE}.weight_orig", "HWO I", "IHWO", dense, ("linear", "kernel")),
        Place(f"{_DENSE}.bias", "HWO", "HWO", dense, ("linear", "bias")),
    ]
    width = first_width
    for layer in range(count(arrays, r"generator\.layers\.(\d{1,2})\..*")):
        name = f"generator.layers.{layer}"
        if f"{name}.snconv1x1_theta.weight_orig" in arrays:
            _attention(plan, arrays, name, width)
        else:
            width = _bottleneck(plan, arrays, name, width, condition)
    plan.others |= dict.fromkeys((f"{_NORM}.weight", f"{_NORM}.bias"), (width,))
    _statistics(plan, arrays, _NORM, width)
    colours = side_of(arrays, f"{_IMAGE}.bias", "O", "O")
    _conv(plan, _IMAGE, ("image", "conv"), width, colours, side=3)
    change = _normalised(plan, arrays)
    params = fill(arrays, plan.places, plan.others, change)

    latent = (condition or 0) - (class_dim or 0)
    if latent < 1 or (colours or 0) < 3:
        raise InputError(
            f"gen_z reads {condition} numbers, {class_dim} of them for the class, and conv_to_rgb "
            f"gives {colours}: no code or no colours are left"
        )
    params["linear"]["kernel"] = np.roll(params["linear"]["kernel"], -latent, 0)
    image = params["image"]["conv"]
    image |= {part: array[..., :3].copy() for part, array in image.items()}
    truncation = choices.pick("truncation", default=0.4)
    epsilon = choices.pick("epsilon", default=1e-4)
    choices.note("doubling", "every second block")
    _fold_norms(params, plan, arrays, change, latent, truncation, epsilon)
    config = BigGANConfig(
        latent, class_dim or 0, classes or 0, first_width or 0, tuple(plan.stages), "all"
    )
    cuts = {"gen_z": 0} | {f"layers.{layer}": layer + 1 for layer in range(len(plan.stages))}
    return settled(config, truncation, choices, params, cuts)


def _bottleneck(plan: Plan, arrays: Arrays, name: str, incoming: Size, condition: Size) -> Size:
    """A stage of BigGAN-deep; its width."""
    width = side_of(arrays, f"{name}.conv_3.bias", "O", "O")
    middle, path = side_of(arrays, f"{name}.conv_0.bias", "O", "O"), plan.path
    sizes = ((incoming, middle), (middle, middle), (middle, middle), (middle, width))
    for place, (size, out) in enumerate(sizes):
        norm = f"{name}.bn_{place}"
        plan.norms[norm] = (path, f"norm{place}")
        for part in ("scale", "offset"):
            plan.others[f"{norm}.{part}.weight_orig"] = (size, condition)
        _statistics(plan, arrays, norm, size)
        side = 3 if place in (1, 2) else 1
        _conv(plan, f"{name}.conv_{place}", (path, f"conv{place}"), size, out, side)
    doubles = sum(stage.conditional for stage in plan.stages) % 2 == 1
    plan.stages.append(Stage("bottleneck", width or 1, middle or 1, doubles=doubles))
    return width


def _attention(plan: Plan, arrays: Arrays, name: str, width: Size) -> None:
    stem = f"{name}.snconv1x1"
    middle, values = (
        side_of(arrays, f"{stem}_{part}.weight_orig", "O I 1 1", "O") for part in ("theta", "g")
    )
    for part, own, size, out in (
        ("theta", "query", width, middle),
        ("phi", "key", width, middle),
        ("g", "value", width, values),
        ("o_conv", "out", values, width),
    ):
        path, sizes = (plan.path, own, "kernel"), {"I": size, "O": out}
        plan.places.append(Place(f"{stem}_{part}.weight_orig", "O I 1 1", "IO", sizes, path))
    plan.others[f"{name}.gamma"] = (1,)
    plan.stages.append(Stage("attention", width or 1, middle or 1, values or 1))


def _conv(plan: Plan, name: str, path: tuple[str, str], size: Size, out: Size, side: int) -> None:
    sizes = {"I": size, "O": out, "H": side, "W": side}
    order = "HWIO" if side > 1 else "IO"
    plan.places += [
        Place(f"{name}.weight_orig", "O I H W", order, sizes, (*path, "kernel")),
        Place(f"{name}.bias", "O", "O", sizes, (*path, "bias")),
    ]


def _statistics(plan: Plan, arrays: Arrays, name: str, channels: Size) -> None:
    rows = side_of(arrays, f"{_NORM}.running_means", "H O", "H")
    plan.others |= dict.fromkeys(
        (f"{name}.running_means", f"{name}.running_vars"), (rows, channels)
    )


def _normalised(plan: Plan, arrays: Arrays) -> Callable[[str, np.ndarray], np.ndarray]:
    """What is done to each array: kernels are divided by their spectral norms.

    An attention's last kernel is also multiplied by what it is added with. The vectors of the norms
    are entered in the plan.
    """
    kernels = plan.shapes("weight_orig")
    stems = {name: name.removesuffix("orig") for name in kernels}
    for name, shape in kernels.items():
        inputs: Shape = (None if None in shape[1:] else math.prod(n or 0 for n in shape[1:]),)
        plan.others |= {f"{stems[name]}u": shape[:1], f"{stems[name]}v": inputs}

    def change(name: str, array: np.ndarray) -> np.ndarray:
        if name not in kernels:
            return array
        u, v = (arrays[f"{stems[name]}{letter}"] for letter in "uv")
        array = array / stored_sigma(arrays[name], u, v)
        gamma = arrays.get(f"{name.removesuffix('snconv1x1_o_conv.weight_orig')}gamma")
        return array if gamma is None else array * float(gamma[0])

    return change


def _fold_norms(
    params: Params,
    plan: Plan,
    arrays: Arrays,
    change: Callable[[str, np.ndarray], np.ndarray],
    latent: int,
    truncation: float,
    epsilon: float,
) -> None:
    def wide(name: str) -> np.ndarray:
        return change(name, arrays[name].astype(np.float64))

    def statistics(name: str) -> tuple[np.ndarray, np.ndarray]:
        mean, variance = (
            at_truncation(wide(f"{name}.{part}"), truncation)
            for part in ("running_means", "running_vars")
        )
        return mean, variance + epsilon

    for name, path in plan.norms.items():
        parts = (wide(f"{name}.{part}.weight_orig").T for part in ("scale", "offset"))
        gain, bias = (np.roll(part, -latent, 0) for part in parts)
        put_norm(params, path, gain, bias, *statistics(name))
    gain, bias = wide(f"{_NORM}.weight"), wide(f"{_NORM}.bias")
    put_last_norm(params, gain, bias, *statistics(_NORM))


LAYOUT = Layout(
    name="biggan_huggingface",
    codebases="huggingface/pytorch-pretrained-BigGAN",
    keys=(
        r"embeddings\.weight",
        r"generator\.gen_z\..*",
        r"generator\.layers\.\d+\..*",
        r"generator\.bn\..*",
    ),
    own=(r"generator\.conv_to_rgb\.(weight_orig|weight_u|weight_v|bias)",),
    preferred=("generator",),
    options=SETTINGS,
    convert=_convert,
)
