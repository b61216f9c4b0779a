"""ajbrock/BigGAN-PyTorch, hierarchical or not.

Every kernel has a spectral norm, evaluated by one power step from the stored ``u0``; ``sv0`` is a
value for the log. The file says neither of its two epsilons: that of the norms hardly matters, the
batch norms' is a setting. The last norm's is always 1e-5.
"""

from collections.abc import Callable, Mapping

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.nn.biggan import BigGANConfig, Stage
from pmsfc_jax.weights.layouts.biggan.facts import SETTINGS, settled
from pmsfc_jax.weights.layouts.biggan.norms import put_last_norm, put_norm, stepped_sigma
from pmsfc_jax.weights.layouts.biggan.plan import Plan
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.places import Place, fill, side_of

_LAST_EPSILON = 1e-5
_LAST = tuple(f"output_layer.0.{part}" for part in ("gain", "bias", "stored_mean", "stored_var"))

Arrays = Mapping[str, np.ndarray]
Size = int | None


def _convert(group: Group, choices: Choices) -> Conversion:
    arrays = group.arrays
    classes = side_of(arrays, "shared.weight", "O I", "O")
    class_dim = side_of(arrays, "shared.weight", "O I", "I")
    condition = side_of(arrays, "blocks.0.0.bn1.gain.weight", "O I", "I")
    first = side_of(arrays, "linear.weight", "O I", "I")
    first_width = side_of(arrays, "blocks.0.0.bn1.stored_mean", "O", "O")
    plan = Plan([Place("shared.weight", "O I", "OI", {"O": classes, "I": class_dim}, ("classes",))])
    dense = {"I": first, "O": first_width, "H": 4, "W": 4}
    plan.places += [
        Place("linear.weight", "OHW I", "IHWO", dense, ("linear", "kernel")),
        Place("linear.bias", "OHW", "HWO", dense, ("linear", "bias")),
    ]
    cuts, width = {"linear": 0}, first_width
    for block in range(count(arrays, r"blocks\.(\d{1,2})\.0\..*")):
        width = _block(plan, arrays, f"blocks.{block}.0", width, condition)
        if f"blocks.{block}.1.theta.weight" in arrays:
            _attention(plan, arrays, f"blocks.{block}.1", width)
        cuts[f"blocks.{block}"] = len(plan.stages)
    plan.others |= dict.fromkeys(_LAST, (width,))
    _conv(plan, "output_layer.2", ("image", "conv"), width, 3)
    change = _normalised(plan, arrays)
    params = fill(arrays, plan.places, plan.others, change)
    epsilon = choices.pick("epsilon", default=1e-5)
    _fold_norms(params, plan, arrays, change, epsilon)

    chunk = (condition or 0) - (class_dim or 0)
    choices.note("hierarchical", bool(chunk))
    if chunk and chunk != first:
        raise InputError(
            f"blocks are given {condition} numbers, {class_dim} of them for the class, so a chunk "
            f"of z has {chunk}; but linear reads {first}"
        )
    config = BigGANConfig(
        (first or 0) * (1 + sum(s.conditional for s in plan.stages) if chunk else 1),
        class_dim or 0,
        classes or 0,
        first_width or 0,
        tuple(plan.stages),
        "chunks" if chunk else "class",
    )
    return settled(config, choices.maybe("truncation"), choices, params, cuts)


def _block(plan: Plan, arrays: Arrays, name: str, incoming: Size, condition: Size) -> Size:
    """A residual stage; its width."""
    width, path = side_of(arrays, f"{name}.bn2.stored_mean", "O", "O"), plan.path
    for place, channels in enumerate((incoming, width)):
        norm = f"{name}.bn{place + 1}"
        plan.norms[norm] = (path, f"norm{place}")
        for part in ("gain", "bias"):
            plan.others[f"{norm}.{part}.weight"] = (channels, condition)
        for part in ("mean", "var"):
            plan.others[f"{norm}.stored_{part}"] = (channels,)
        _conv(plan, f"{name}.conv{place + 1}", (path, f"conv{place}"), channels, width)
    _conv(plan, f"{name}.conv_sc", (path, "shortcut"), incoming, width, side=1)
    plan.stages.append(Stage("residual", width or 1, doubles=True))
    return width


def _attention(plan: Plan, arrays: Arrays, name: str, width: Size) -> None:
    middle, values = (
        side_of(arrays, f"{name}.{part}.weight", "O I 1 1", "O") for part in ("theta", "g")
    )
    for part, own, size, out in (
        ("theta", "query", width, middle),
        ("phi", "key", width, middle),
        ("g", "value", width, values),
        ("o", "out", values, width),
    ):
        path, sizes = (plan.path, own, "kernel"), {"I": size, "O": out}
        plan.places.append(Place(f"{name}.{part}.weight", "O I 1 1", "IO", sizes, path))
    plan.others[f"{name}.gamma"] = ()
    plan.stages.append(Stage("attention", width or 1, middle or 1, values or 1))


def _conv(
    plan: Plan, name: str, path: tuple[str, str], size: Size, out: Size, side: int = 3
) -> None:
    sizes = {"I": size, "O": out, "H": side, "W": side}
    order = "HWIO" if side > 1 else "IO"
    plan.places += [
        Place(f"{name}.weight", "O I H W", order, sizes, (*path, "kernel")),
        Place(f"{name}.bias", "O", "O", sizes, (*path, "bias")),
    ]


def _normalised(plan: Plan, arrays: Arrays) -> Callable[[str, np.ndarray], np.ndarray]:
    """What is done to each array: kernels are divided by their spectral norms.

    An attention's last kernel is also multiplied by what it is added with. The vectors of the norms
    are entered in the plan.
    """
    kernels = plan.shapes("weight")
    del kernels["shared.weight"]
    vectors = {name: f"{name.removesuffix('weight')}u0" for name in kernels}
    for name, shape in kernels.items():
        plan.others |= {vectors[name]: (1, shape[0]), f"{vectors[name][:-2]}sv0": (1,)}

    def change(name: str, array: np.ndarray) -> np.ndarray:
        if name not in kernels:
            return array
        array = array / stepped_sigma(arrays[name], arrays[vectors[name]])
        gamma = arrays.get(f"{name.removesuffix('o.weight')}gamma")
        return array if gamma is None else array * float(gamma)

    return change


def _fold_norms(
    params: Params,
    plan: Plan,
    arrays: Arrays,
    change: Callable[[str, np.ndarray], np.ndarray],
    epsilon: float,
) -> None:
    def wide(name: str) -> np.ndarray:
        return change(name, arrays[name].astype(np.float64))

    for name, path in plan.norms.items():
        gain, bias = (wide(f"{name}.{part}.weight").T for part in ("gain", "bias"))
        mean, variance = (wide(f"{name}.stored_{part}") for part in ("mean", "var"))
        put_norm(params, path, gain, bias, mean, variance + epsilon)
    gain, bias, mean, variance = map(wide, _LAST)
    put_last_norm(params, gain, bias, mean, variance + _LAST_EPSILON)


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
