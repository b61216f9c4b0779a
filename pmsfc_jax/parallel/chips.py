"""Accelerators by their published figures, for estimates: peak, bandwidth and memory of a chip."""

import re
from typing import NamedTuple

from pmsfc_jax.core.errors import InputError

_GIB = 2**30


class Chip(NamedTuple):
    """One device as jax counts them.

    Attributes:
      name: as in ``--device``.
      flops: a second, of matrix products in bf16 with sums in float32.
      bandwidth: bytes a second of its memory.
      memory: bytes that programs can have.
      platform: of jax.

    """

    name: str
    flops: float
    bandwidth: float
    memory: float
    platform: str = "tpu"


#: As the vendors publish them; of memory one part in 64 is kept for the runtime, as the compiler
#: keeps it of a v5e's.
_PUBLISHED = (
    Chip("v4", 275e12, 1228e9, 32 * _GIB),
    Chip("v5e", 197e12, 819e9, 16 * _GIB),
    Chip("v5p", 459e12, 2765e9, 95 * _GIB),
    Chip("v6e", 918e12, 1640e9, 32 * _GIB),
    Chip("a100", 312e12, 2039e9, 80 * _GIB, "cuda"),
    Chip("h100", 989e12, 3350e9, 80 * _GIB, "cuda"),
)
CHIPS = {chip.name: chip._replace(memory=chip.memory * 63 / 64) for chip in _PUBLISHED}


def chips_of(text: str) -> tuple[Chip, int]:
    """``v5e:4`` as four chips of their kind; ``v5e`` is one.

    Raises:
      InputError: there is no such chip, or the number is none.

    """
    found = re.fullmatch(r"(?P<name>\w+)(:(?P<count>[1-9]\d{0,4}))?", text)
    if not found or found["name"] not in CHIPS:
        raise InputError(
            f"{text!r} is no device that is known: give one of {', '.join(CHIPS)}, and how many, "
            "such as v5e:4"
        )
    return CHIPS[found["name"]], int(found["count"] or 1)
