"""Batches in progress as files: arrays and a few numbers, and when it is time to save them."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from pmsfc_jax.io.snapshots import Contents, SnapshotFolder


class State(NamedTuple):
    """A batch between two steps.

    Attributes:
      step: steps that are done.
      leaves: arrays of the optimiser's state, in a fixed order.
      losses: ``[step, b]``, of every step so far.
      guarded: ``[b]``, the most guarded denominators of any step so far.
      seconds: time spent so far.

    """

    step: int
    leaves: tuple[np.ndarray, ...]
    losses: np.ndarray
    guarded: np.ndarray
    seconds: float


class Shaped(Protocol):
    """What an array will be like."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sides."""

    @property
    def dtype(self) -> Any:
        """Its type."""


class StateFolder:
    """Keeps batches in progress below ``path``, each under a name; the newest sound state counts.

    Args:
      path: the folder; made when the first state is saved.
      save_every_seconds: how often it is time to save.
      on_damage: told, in one line, of a state that had to be passed over.
      on_resume: told at which step a batch is gone on with.

    """

    def __init__(
        self,
        path: Path,
        save_every_seconds: float,
        *,
        on_damage: Callable[[str], None] = lambda text: None,
        on_resume: Callable[[int], None] = lambda step: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = SnapshotFolder(path, on_damage)
        self._on_resume = on_resume
        self._seconds, self._now = save_every_seconds, now
        self._saved = now()

    def due(self) -> bool:
        """Whether it is time to save: so long after the last time, or after the beginning."""
        return self._now() - self._saved >= self._seconds

    def save(self, name: str, state: State) -> None:
        """Keep a state of the batch ``name``.

        Raises:
          InputError: it cannot be written.

        """
        leaves = {f"leaf_{i}": leaf for i, leaf in enumerate(state.leaves)}
        arrays = leaves | {"losses": state.losses, "guarded": state.guarded}
        facts = {"step": state.step, "seconds": state.seconds}
        self._folder.save(name, state.step, arrays, facts)
        self._saved = self._now()

    def load(self, name: str, leaves: Sequence[Shaped]) -> State | None:
        """The newest sound state of the batch ``name`` whose leaves are like these."""
        found = self._folder.load(name, lambda contents: _fits(contents, leaves))
        if found is None:
            return None
        arrays, facts = found
        self._on_resume(facts["step"])
        return State(
            facts["step"],
            # numpy's files know no bfloat16; its bits are there under another type.
            tuple(
                arrays[f"leaf_{i}"].view(leaf.dtype).reshape(leaf.shape)
                for i, leaf in enumerate(leaves)
            ),
            arrays["losses"],
            arrays["guarded"],
            facts["seconds"],
        )

    def clear(self, name: str) -> None:
        """Forget the batch ``name``."""
        self._folder.clear(name)

    def remove(self) -> None:
        """Forget everything."""
        self._folder.remove()


def _fits(contents: Contents, leaves: Sequence[Shaped]) -> bool:
    arrays, facts = contents
    if not {"step", "seconds"} <= set(facts) or not {"losses", "guarded"} <= set(arrays):
        return False
    found = [arrays.get(f"leaf_{i}") for i in range(len(arrays) - 2)]
    return len(found) == len(leaves) and all(
        array is not None
        and array.shape == leaf.shape
        and array.dtype.itemsize == np.dtype(leaf.dtype).itemsize
        for array, leaf in zip(found, leaves, strict=True)
    )
