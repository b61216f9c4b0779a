"""ajbrock/BigGAN-PyTorch, hierarchical or not.

Every kernel has a spectral norm, evaluated by one power step from the stored ``u0``; ``sv0`` is a
value for the log. The file says neither of its two epsilons: that of the norms hardly matters, the
batch norms' is a setting. The last norm's is always 1e-5.
"""

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.biggan import BigGANConfig, Stage
from pmsfc_jax.nn.biggan_config import Conditioning
from pmsfc_jax.weights.layouts.axes import Shape
from pmsfc_jax.weights.layouts.biggan.facts import SETTINGS, settled
from pmsfc_jax.weights.layouts.biggan.norms import put_last_norm, put_norm, stepped_sigma
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.places import Place, fill, side_of

_LAST_EPSILON = 1e-5
_SQUARE = {"H": 3, "W": 3}


def _convert(group: Group, choices: Choices) -> Conversion:
    arrays = group.arrays
    blocks = count(arrays, r"blocks\.(\d{1,2})\.0\..*")
    classes = side_of(arrays, "shared.weight", "O I", "O")
    class_dim = side_of(arrays, "shared.weight", "O I", "I")
    condition = side_of(arrays, "blocks.0.0.bn1.gain.weight", "O I", "I")
    first = side_of(arrays, "linear.weight", "O I", "I")
    first_width = side_of(arrays, "blocks.0.0.bn1.stored_mean", "O", "O")
    table = {"O": classes, "I": class_dim}
    dense = {"I": first, "O": first_width, "H": 4, "W": 4}
    places = [
        Place("shared.weight", "O I", "OI", table, ("classes",)),
        Place("linear.weight", "OHW I", "IHWO", dense, ("linear", "kernel")),
        Place("linear.bias", "OHW", "HWO", dense, ("linear", "bias")),
    ]
    others: dict[str, Shape] = {}
    norms: dict[str, tuple[str, ...]] = {}
    stages: list[Stage] = []
    cuts = {"linear": 0}
    incoming = first_width
    for block in range(blocks):
        name, path = f"blocks.{block}.0", f"stage{len(stages)}"
        width = side_of(arrays, f"{name}.bn2.stored_mean", "O", "O")
        norms |= {f"{name}.bn1": (path, "norm0"), f"{name}.bn2": (path, "norm1")}
        for norm, channels in (("bn1", incoming), ("bn2", width)):
            for part in ("gain", "bias"):
                others[f"{name}.{norm}.{part}.weight"] = (channels, condition)
            others |= dict.fromkeys(
                (f"{name}.{norm}.stored_mean", f"{name}.{norm}.stored_var"), (channels,)
            )
        for conv, own, size in (("conv1", "conv0", incoming), ("conv2", "conv1", width)):
            sizes = {"I": size, "O": width, **_SQUARE}
            places += _conv(f"{name}.{conv}", (path, own), sizes, "HWIO")
        sizes = {"I": incoming, "O": width, "H": 1, "W": 1}
        places += _conv(f"{name}.conv_sc", (path, "shortcut"), sizes, "IO")
        stages.append(Stage("residual", width or 1, doubles=True))
        if f"blocks.{block}.1.theta.weight" in arrays:
            stage, found = _attention(group, block, f"stage{len(stages)}", width)
            stages.append(stage)
            places += found
            others[f"blocks.{block}.1.gamma"] = ()
        cuts[f"blocks.{block}"] = len(stages)
        incoming = width
    last = ("gain", "bias", "stored_mean", "stored_var")
    others |= dict.fromkeys((f"output_layer.0.{part}" for part in last), (incoming,))
    image = {"I": incoming, "O": 3, **_SQUARE}
    places += _conv("output_layer.2", ("image", "conv"), image, "HWIO")
    normed = {p.name: p.shape for p in places if p.name.endswith("weight")} | {
        name: shape for name, shape in others.items() if name.endswith("weight")
    }
    del normed["shared.weight"]
    for name, shape in normed.items():
        others[_beside(name, "u0")] = (1, shape[0])
        others[_beside(name, "sv0")] = (1,)

    def change(name: str, array: np.ndarray) -> np.ndarray:
        if name.endswith(".o.weight"):
            array = array * float(arrays[name.replace(".o.weight", ".gamma")])
        if name not in normed:
            return array
        return array / stepped_sigma(arrays[name], arrays[_beside(name, "u0")])

    params = fill(arrays, places, others, change)
    choices.note("hierarchical", condition != class_dim)
    epsilon = choices.pick("epsilon", default=1e-5)
    for name, where in norms.items():
        gain, bias = (
            change(f"{name}.{part}.weight", arrays[f"{name}.{part}.weight"].astype(np.float64)).T
            for part in ("gain", "bias")
        )
        mean, variance = (
            arrays[f"{name}.stored_{part}"].astype(np.float64) for part in ("mean", "var")
        )
        put_norm(params, where, gain, bias, mean, variance + epsilon)
    gain, bias, mean, variance = (
        arrays[f"output_layer.0.{part}"].astype(np.float64) for part in last
    )
    put_last_norm(params, gain, bias, mean, variance + _LAST_EPSILON)
    config = _config(tuple(stages), class_dim, classes, condition, first, first_width)
    return settled(config, choices.maybe("truncation"), choices, params, cuts)


def _config(
    stages: tuple[Stage, ...],
    class_dim: int | None,
    classes: int | None,
    condition: int | None,
    first: int | None,
    first_width: int | None,
) -> BigGANConfig:
    chunk = (condition or 0) - (class_dim or 0)
    if chunk and chunk != first:
        raise InputError(
            f"blocks are given {condition} numbers, {class_dim} of them for the class, so a chunk "
            f"of z has {chunk}; but linear reads {first}"
        )
    hierarchical: Conditioning = "chunks" if chunk else "class"
    chunks = 1 + sum(stage.conditional for stage in stages) if chunk else 1
    return BigGANConfig(
        (first or 0) * chunks, class_dim or 0, classes or 0, first_width or 0, stages, hierarchical
    )


def _attention(group: Group, block: int, path: str, width: int | None) -> tuple[Stage, list[Place]]:
    name = f"blocks.{block}.1"
    middle = side_of(group.arrays, f"{name}.theta.weight", "O I 1 1", "O")
    values = side_of(group.arrays, f"{name}.g.weight", "O I 1 1", "O")
    parts = {
        "theta": ("query", width, middle),
        "phi": ("key", width, middle),
        "g": ("value", width, values),
        "o": ("out", values, width),
    }
    places = [
        Place(
            f"{name}.{part}.weight", "O I 1 1", "IO", {"I": size, "O": out}, (path, own, "kernel")
        )
        for part, (own, size, out) in parts.items()
    ]
    return Stage("attention", width or 1, middle or 1, values or 1), places


def _conv(
    name: str, path: tuple[str, str], sizes: dict[str, int | None], order: str
) -> list[Place]:
    return [
        Place(f"{name}.weight", "O I H W", order, sizes, (*path, "kernel")),
        Place(f"{name}.bias", "O", "O", sizes, (*path, "bias")),
    ]


def _beside(weight: str, name: str) -> str:
    return f"{weight.removesuffix('weight')}{name}"


LAYOUT = Layout(
    name="biggan_ajbrock",
    codebases="ajbrock/BigGAN-PyTorch",
    keys=(
        r"shared\.weight",
        r"linear\.(weight|bias|u0|sv0)",
        r"blocks\.\d+\.1\.(gamma|(theta|phi|g|o)\.(weight|u0|sv0))",
        r"blocks\.\d+\.0\.conv.*",
        r"output_layer\..*",
    ),
    own=(r"blocks\.\d+\.0\.bn\d\.(gain|bias|stored_mean|stored_var).*",),
    preferred=("G_ema", "G"),
    options=SETTINGS,
    convert=_convert,
)
