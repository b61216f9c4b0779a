"""Degradations one after another."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import Operator
from pmsfc_jax.core.typing import Array
from pmsfc_jax.tasks.degradations.degradation import Degradation, Shape, as_rgb


def chain(*links: Degradation) -> Degradation:
    """All of them, the first one first; operands are a tuple of theirs, in their order.

    What is put back is what the last one observed in its own input, that then in the input of the
    one before, and so on.

    Raises:
      InputError: there is none, or a mask is followed by what mixes pixels.

    """
    if not links:
        raise InputError("a chain of no degradations: give at least one")
    _check_order(links)
    operators = [link.operator for link in links]

    def shapes(image_shape: Shape) -> list[Shape]:
        """Of what goes into each link, and of what comes out of the last."""
        found = [image_shape]
        for operator in operators:
            found.append(operator.shape(found[-1]))
        return found

    def inputs(operands: Any, x: Array) -> list[Array]:
        """What goes into each link."""
        found = [x]
        for operator, own in zip(operators[:-1], operands[:-1], strict=True):
            found.append(operator.apply(own, found[-1]))
        return found

    def apply(operands: Any, x: Array) -> Array:
        return operators[-1].apply(operands[-1], inputs(operands, x)[-1])

    def weights(operands: Any, y: Array) -> Array | None:
        found = [
            factor
            for operator, own in zip(operators, operands, strict=True)
            if (factor := operator.weights(own, y)) is not None
        ]
        whole = None
        for factor in found:
            whole = factor if whole is None else whole * factor
        return whole

    def simulate(operands: Any, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        for link, own in zip(links, operands, strict=True):
            images = link.simulate(own, images, rng)
        return images

    def dagger(operands: Any, y: Array, image_shape: Shape) -> Array:
        for link, own, shape in zip(
            links[::-1], operands[::-1], shapes(image_shape)[-2::-1], strict=True
        ):
            y = link.dagger(own, y, shape)
        return y

    def finish(operands: Any, y: Array, x: Array) -> Array:
        reached = inputs(operands, x)
        for link, own, at in zip(links[::-1], operands[::-1], reached[::-1], strict=True):
            y = link.finish(own, y, at)
        return y

    def noise(operands: Any) -> Array | None:
        levels = [operator.noise(own) for operator, own in zip(operators, operands, strict=True)]
        known = [jnp.square(level) for level in levels if level is not None]
        if not known or not _noise_is_of_file(links):
            return None
        return jnp.sqrt(sum(known[1:], start=known[0]))

    name = "+".join(operator.name for operator in operators)
    settings = tuple((operator.name, operator.settings) for operator in operators)
    return Degradation(
        Operator(name, settings, apply, lambda shape: shapes(shape)[-1], as_rgb, weights, noise),
        simulate,
        dagger,
        finish,
        linear=all(link.linear for link in links),
        pointwise=all(link.pointwise for link in links),
        of_file=any(link.of_file for link in links),
    )


def _check_order(links: Sequence[Degradation]) -> None:
    for i, link in enumerate(links):
        mixing = [later.operator.name for later in links[i + 1 :] if not later.pointwise]
        if link.of_file and mixing:
            raise InputError(
                f"{link.operator.name} comes before {mixing[0]}: it speaks of pixels of the file, "
                "so put it last"
            )


def _noise_is_of_file(links: Sequence[Degradation]) -> bool:
    """Nothing behind the first noise mixes pixels, so that its level is still what it was."""
    first = next(i for i, link in enumerate(links) if link.operator.name == "noise")
    return all(link.pointwise for link in links[first + 1 :])
