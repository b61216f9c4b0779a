"""When an image is done: its own criteria, looked at after every step, whatever its company.

What is kept of an image is settled in the step in which a criterion is met, so that it does not
matter when the host notices, or how many steps its slot is moved on for nothing.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array

#: Why an image is done, by number; 0 is one that is not.
REASONS = ("", "steps", "noise", "psnr", "fall")
_STEPS, _NOISE, _PSNR, _FALL = range(1, 5)


@dataclass(frozen=True)
class Until:
    """Criteria besides the number of steps, which stays the most there are.

    An inversion that has any is a queue: images come and go, see `inversion.queue`.

    Attributes:
      psnr: decibels that are enough. They are of the pixel term at the codes that are kept, before
        they are rounded to 8 bits and clipped; weights of an operator count.
      fall: done when the lowest loss so far has fallen by less than this share of itself over a
        window; the first is compared with the loss at the start.
      window: steps of a window.

    """

    psnr: float | None = None
    fall: float | None = None
    window: int = 20

    def __post_init__(self) -> None:
        """Check values.

        Raises:
          InputError: a value is impossible, or there is no criterion.

        """
        if self.psnr is None and self.fall is None:
            raise InputError("until_window is of until_fall: give until_fall, or leave it out")
        if self.psnr is not None and not (self.psnr > 0 and math.isfinite(self.psnr)):
            raise InputError(f"until_psnr must be positive and finite, not {self.psnr}")
        if self.fall is not None and not 0 < self.fall < 1:
            raise InputError(f"until_fall must be between 0 and 1, not {self.fall}")
        if self.window < 1:
            raise InputError(f"until_window must be at least 1, not {self.window}")


class Limits(NamedTuple):
    """The criteria as traced scalars; others compile nothing.

    Attributes:
      squares: mean squared difference on [-1, 1] that is little enough; negative for never.
      fall: see `Until`; negative for never.
      window: see `Until`.
      noise: whether an observation that is explained up to its noise is done.

    """

    squares: Any
    fall: Any
    window: Any
    noise: Any


def limits(until: Until | None) -> Limits:
    """The criteria as arrays; without any, images are done after the number of steps alone."""
    squares = fall = -1.0
    if until is not None and until.psnr is not None:
        squares = 4 * 10 ** (-until.psnr / 10)  # [-1, 1] is twice as wide as [0, 1]
    if until is not None and until.fall is not None:
        fall = until.fall
    return Limits(
        jnp.float32(squares),
        jnp.float32(fall),
        jnp.int32(1 if until is None else until.window),
        jnp.bool_(until is not None),
    )


def reason_of(
    limits: Limits,
    *,
    steps: Array,
    most: Array,
    loss: Array,
    mark: Array,
    squares: Array,
    floor: Array,
) -> Array:
    """Why each image is done after a step, ``[b]``, a number of `REASONS`.

    Args:
      limits: the criteria.
      steps: done by each image, ``[b]``.
      most: steps of any image, a scalar.
      loss: the lowest so far, ``[b]``.
      mark: what that was at the beginning of the window, ``[b]``.
      squares: the pixel term at the codes that are kept, ``[b]``.
      floor: of the loss, where the noise is known; 0 elsewhere, ``[b]``.

    """
    reason = jnp.where(steps >= most, _STEPS, 0)
    little = ~(mark - loss >= limits.fall * jnp.abs(mark)) & jnp.isfinite(mark)
    compared = window_ends(limits, steps) & (steps > 1) & (limits.fall > 0)
    reason = jnp.where(compared & little, _FALL, reason)
    reason = jnp.where(squares <= limits.squares, _PSNR, reason)
    return jnp.where(limits.noise & (loss <= floor), _NOISE, reason)


def window_ends(limits: Limits, steps: Array) -> Array:
    """Whether a window ends with this step of each image, ``[b]``."""
    return steps % limits.window == 0
