"""Where the images of an inversion come from: taken when their batch comes, and not held."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float
from pmsfc_jax.core.operator import Observation


class Taken(NamedTuple):
    """What was observed of some images.

    Attributes:
      rows: which of those asked for, in their order; what could not be had is left out.
      observation: of them, leaves ``[b, ...]``, numpy's.

    """

    rows: tuple[int, ...]
    observation: Observation


class Source(Protocol):
    """Images by number. Called in one thread at a time, which may not be the main one."""

    def __len__(self) -> int:
        """How many images there are."""
        ...

    def take(self, rows: Sequence[int]) -> Taken:
        """What was observed of the images ``rows``."""
        ...


class ArraySource:
    """Observations that are in memory.

    Args:
      observation: leaves ``[n, ...]``.

    """

    def __init__(self, observation: Observation):
        self.observation = observation

    def __len__(self) -> int:
        return len(self.observation.target)

    def take(self, rows: Sequence[int]) -> Taken:
        """See `Source`."""
        taken = jax.tree.map(lambda leaf: np.asarray(leaf)[list(rows)], self.observation)
        return Taken(tuple(rows), taken)


class _Pixels(Protocol):
    def __len__(self) -> int: ...

    def take_pixels(self, rows: Sequence[int]) -> Any: ...


class PixelSource:
    """Photographs that are decoded a batch at a time, as they are.

    Args:
      pixels: gives ``take_pixels(rows)`` with ``rows`` and ``pixels [b, H, W, 3]`` uint8, such as
        `io.source.PhotographSource`.

    """

    def __init__(self, pixels: _Pixels):
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: Sequence[int]) -> Taken:
        """See `Source`."""
        taken = self.pixels.take_pixels(rows)
        return Taken(taken.rows, Observation(to_float(taken.pixels)))


def source_of(targets: Any) -> Source:
    """``targets`` as a source: one as it is; an array ``[n, H, W, 3]``; an `Observation`.

    Raises:
      InputError: an array that holds no image, or is none.

    """
    # Arrays have a method of this name, too.
    if hasattr(targets, "take") and not hasattr(targets, "dtype"):
        return targets
    observation = targets if isinstance(targets, Observation) else Observation(np.asarray(targets))
    if np.ndim(observation.target) != 4 or not len(observation.target):
        raise InputError(
            f"targets have shape {np.shape(observation.target)}: give [n, height, width, 3]"
        )
    return ArraySource(observation)
