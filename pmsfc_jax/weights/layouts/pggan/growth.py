"""Where a progressive network stands: which levels it uses, and how far the last has faded in."""

import math
from typing import Any

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.layouts.pggan.stack import Stack


def at_lod(stack: Stack, lod: float) -> dict[str, Any]:
    """Configuration of a stack at a level of detail, for networks that fade.

    A whole ``lod`` stops that many levels early and doubles the image as often; what is beyond the
    whole number is the share of the level below.

    Raises:
      InputError: the network has no such level.

    """
    whole = math.floor(lod)
    level = stack.top - whole
    fade = lod - whole
    if level < 0 or (fade and not level):
        raise InputError(f"lod is {lod:g}, but with {stack.top + 1} levels it ends at {stack.top}")
    return {**up_to(stack, level), "fade": fade, "extra_doublings": whole}


def up_to(stack: Stack, level: int) -> dict[str, Any]:
    """Configuration of a stack that stops at ``level`` and draws it alone."""
    widths = stack.widths[: stack.last_layer(level) + 1]
    return {"widths": widths, "first_block": stack.first_block}


def faded(share_below: float, level: int, lowest: int = 0) -> float:
    """The share of the level below as a config takes it; the lowest level has none below it.

    Raises:
      InputError: the level itself would not show at all.

    """
    if level <= lowest:
        return 0.0
    if share_below >= 1:
        raise InputError(
            "alpha shows nothing of the last resolution, only the one below; "
            "convert that one, or give another alpha"
        )
    return share_below
