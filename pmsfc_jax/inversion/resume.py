"""Stopping in the middle of a batch and going on: what is kept, and who keeps it.

Nothing here knows files. Whoever wants an inversion to survive a kill gives a `Resume`;
`pmsfc_jax.io.snapshots` makes one that writes to a folder.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from pmsfc_jax.core.typing import Key
from pmsfc_jax.inversion.codes import Codes


class Stopped(Exception):
    """`invert` was asked to stop. Batches that were given are whole; a `Resume` has the rest."""


class Snapshot(NamedTuple):
    """A batch between two steps. Bit for bit what the loop carries, and what it has told.

    Attributes:
      step: steps that are done.
      leaves: the arrays of the loop's state, in the order of `jax.tree.leaves`.
      losses: ``[step, b]``, of every step so far.
      guarded: ``[b]``, the most guarded denominators of any step so far.
      seconds: time spent so far.

    """

    step: int
    leaves: tuple[np.ndarray, ...]
    losses: np.ndarray
    guarded: np.ndarray
    seconds: float


class Resume(NamedTuple):
    """A place where batches in progress are kept.

    Attributes:
      load: ``(name, shapes of the leaves) -> Snapshot``, the newest sound one, or ``None``.
      save: ``(name, snapshot)``.
      due: whether it is time to save again.
      clear: ``(name)``; called when the caller of `invert_batches` asks for the next batch, which
        says that the one of this name has been dealt with.

    """

    load: Callable[[str, tuple[jax.ShapeDtypeStruct, ...]], Snapshot | None]
    save: Callable[[str, Snapshot], None]
    due: Callable[[], bool]
    clear: Callable[[str], None]


def batch_name(facts: tuple[object, ...], masks: np.ndarray, keys: Key, codes: Codes | None) -> str:
    """A hash of all that decides a batch's outcome, but for weights that have no identity.

    Args:
      facts: settings, generator, cut, V: values whose ``repr`` tells them apart.
      masks: the partition ``[R, C]``.
      keys: ``[b]``; they come from the seed and from what was observed.
      codes: those that the batch starts from, where they are given.

    """
    digest = hashlib.sha256(repr(facts).encode())
    for array in (masks, *jax.tree.leaves(codes)):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(np.asarray(jax.random.key_data(keys)).tobytes())
    return digest.hexdigest()[:24]
