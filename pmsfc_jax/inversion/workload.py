"""What a step of an image costs, counted from the traced loop: products, and bytes of features."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.typing import Params
from pmsfc_jax.inversion.abstract import traced_loop
from pmsfc_jax.inversion.config import InversionConfig

#: Images in the loop that is counted; everything but weights grows with them.
_COUNTED = 8
#: Channels lie in lanes of this many.
_LANES = 128


class Workload(NamedTuple):
    """Of one step of one image, and of the weights that all of them share.

    Attributes:
      flops: operations of convolutions and matrix products.
      features: bytes of what convolutions give in float32, forward and back, with channels in lanes
        of 128.
      state: bytes of what the loop carries of an image, memory of the solver included.
      weights: bytes of the weights of generator and V.

    """

    flops: float
    features: float
    state: float
    weights: float


def workload_of(
    cut: Cut,
    params: Params,
    config: InversionConfig,
    masks: Any,
    *,
    extract: Any = None,
    v_params: Params | None = None,
) -> Workload:
    """Count a step.

    Args:
      cut: generator and layer.
      params: weights of the generator, or their shapes.
      config: the settings.
      masks: ``[R, C]``.
      extract: V.
      v_params: its weights, or their shapes.

    """
    traced = traced_loop(cut, params, config, masks, _COUNTED, extract=extract, v_params=v_params)
    flops, features = counted(traced.jaxpr.jaxpr)
    carried = traced.in_avals[0][2:5]
    return Workload(
        flops / _COUNTED,
        features / _COUNTED,
        _bytes(carried) / _COUNTED,
        _bytes((params, v_params)),
    )


def _bytes(tree: Any) -> float:
    return float(sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree)))


def counted(jaxpr: Any) -> tuple[float, float]:
    """Operations, and bytes of features, of one turn of every loop of a jaxpr."""
    flops = features = 0.0
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name == "conv_general_dilated":
            more = _of_convolution(equation)
        elif name == "dot_general":
            more = _of_product(equation), 0.0
        elif name == "cond":
            # The forms of one map that platforms want; that of accelerators computes less in vain.
            branches = [counted(branch.jaxpr) for branch in equation.params["branches"]]
            more = min(branches)
        else:
            inner = [counted(found) for found in _inside(equation)]
            more = sum(a for a, _ in inner), sum(b for _, b in inner)
        flops, features = flops + more[0], features + more[1]
    return flops, features


def _inside(equation: Any) -> Iterator[Any]:
    """The jaxprs that an equation runs; of two that say the same the first."""
    name = equation.primitive.name
    for role, value in equation.params.items():
        # A function with a rule of its own has the rule beside itself.
        if name.startswith("custom_") and role not in ("call_jaxpr", "jaxpr"):
            continue
        if hasattr(value, "eqns"):
            yield value
        elif hasattr(value, "jaxpr"):
            yield value.jaxpr


def _of_convolution(equation: Any) -> tuple[float, float]:
    numbers = equation.params["dimension_numbers"]
    if numbers.lhs_spec[0] != 0:
        return 0.0, 0.0  # the gradient of a kernel, which nobody asks for
    shape = equation.outvars[0].aval.shape
    kernel = equation.invars[1].aval.shape
    channels = shape[numbers.out_spec[1]]
    places = math.prod(shape) / channels
    inserted = math.prod(equation.params["lhs_dilation"])
    flops = 2 * places * math.prod(kernel) / inserted
    return flops, 4 * places * math.ceil(channels / _LANES) * _LANES


def _of_product(equation: Any) -> float:
    (contracted, _), _ = equation.params["dimension_numbers"]
    length = math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
    return 2.0 * math.prod(equation.outvars[0].aval.shape) * length
