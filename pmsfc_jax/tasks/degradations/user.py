"""A degradation of the user's own, named as ``module:NAME``.

A file ``faded.py`` beside the photographs' folder may hold::

    import jax.numpy as jnp

    def faded(x):                                   # x [b, H, W, 3] in [-1, 1]
        return 0.5 * x + 0.3                        # what a camera would have made of it

and is given as ``faded:faded``. Such a function has to be made of jax's functions, so that it has a
derivative, and may change the size. A `Degradation` (a chain, say) or an `Operator` without
operands may be named as well.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import Operator
from pmsfc_jax.core.typing import Array
from pmsfc_jax.tasks.degradations.degradation import Degradation, Shape, as_rgb, to_levels
from pmsfc_jax.tasks.degradations.inverse import least_squares

_DAMPING = 1e-2
_STEPS = 30


@dataclass(frozen=True)
class _Named:
    """A function that is shown by its name: what is recorded must not hold its address."""

    function: Callable[[Array], Array]
    name: str

    def __repr__(self) -> str:
        return self.name


def degradation_of(function: Callable[[Array], Array], name: str) -> Degradation:
    """A function ``x [b, H, W, 3] -> y [b, h, w, 1 or 3]`` as a degradation without operands.

    Its inverse is the regularised least-squares solution of its tangent at mid grey, which is exact
    for linear functions; nothing is put back, since it is not known what it observes exactly.
    """

    def shape(image_shape: Shape) -> Shape:
        x = jax.ShapeDtypeStruct((1, *image_shape), jnp.float32)
        try:
            found = jax.eval_shape(function, x)
        except Exception as error:
            size = f"{image_shape[1]}x{image_shape[0]}"
            raise InputError(f"{name} fails on pictures of {size}: {_first_line(error)}") from error
        if found.ndim != 4 or found.shape[0] != 1 or found.shape[-1] not in (1, 3):
            raise InputError(
                f"{name} gives an array of shape {found.shape} for one picture: it has to give "
                "[1, h, w, 1 or 3]"
            )
        return found.shape[1:]

    def apply(operands: Any, x: Array) -> Array:
        return function(x)

    operator = Operator(name, (_Named(function, name),), apply, shape, as_rgb)

    def simulate(operands: Any, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        x = jnp.asarray(images, jnp.float32) / 127.5 - 1
        return to_levels((np.asarray(function(x)) + 1) * 127.5)

    def dagger(operands: Any, y: Array, image_shape: Shape) -> Array:
        return least_squares(operator, (), y, image_shape, damping=_DAMPING, steps=_STEPS)

    def finish(operands: Any, y: Array, x: Array) -> Array:
        return x

    return Degradation(operator, simulate, dagger, finish, linear=False)


def load_degradation(where: str) -> Degradation:
    """The degradation that ``module:NAME`` names; ``module`` is imported, which runs it.

    Raises:
      InputError: there is no such module or name, or it is neither a function nor a degradation.

    """
    module_name, _, name = where.partition(":")
    if not module_name or not name:
        raise InputError(f"{where!r} names no function: write module:NAME")
    try:
        found = getattr(importlib.import_module(module_name), name)
    except ImportError as error:
        raise InputError(f"cannot import {module_name}: {_first_line(error)}") from error
    except AttributeError as error:
        raise InputError(f"module {module_name} has no {name}") from error
    if isinstance(found, Degradation):
        return found
    if isinstance(found, Operator):
        return degradation_of(lambda x: found.apply((), x), where)
    if not callable(found):
        raise InputError(
            f"{where} is a {type(found).__name__}: expected a function of pictures, or a "
            "Degradation"
        )
    return degradation_of(found, where)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
