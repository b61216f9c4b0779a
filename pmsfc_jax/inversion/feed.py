"""The images of a queue in their order, taken from their source a little ahead."""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import jax
import numpy as np

from pmsfc_jax.core.operator import Observation
from pmsfc_jax.inversion.source import Source, Taken


class Coming(NamedTuple):
    """An image that waits for a slot.

    Attributes:
      position: in the queue.
      observation: of it, leaves ``[1, ...]``.

    """

    position: int
    observation: Observation


class Feed:
    """Takes images from a source while those before them are worked on. What fails is left out.

    Args:
      source: of all images.
      rows: which of them, in the order of the queue.
      check: what is done with every observation first.
      ahead: images that are taken together.

    """

    def __init__(
        self,
        source: Source,
        rows: Sequence[int],
        check: Callable[[Observation], Observation],
        ahead: int,
    ) -> None:
        self._source, self._rows, self._check, self._size = source, rows, check, ahead
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="photographs")
        self._ready: deque[Coming] = deque()
        self._left: deque[int] = deque()
        self._next: tuple[list[int], Future[Taken]] | None = None

    def __enter__(self) -> "Feed":
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def begin(self, position: int, skip: Collection[int] = ()) -> None:
        """Go on at ``position`` of the queue, without the positions ``skip``."""
        self._left = deque(p for p in range(position, len(self._rows)) if p not in skip)
        self._ready.clear()
        self._next = None
        self._ask()

    def take(self) -> Coming | None:
        """The next image, or ``None`` where there is no other."""
        while not self._ready and self._next is not None:
            asked, coming = self._next
            taken = coming.result()
            self._ask()
            self._ready += self._found(asked, taken)
        return self._ready.popleft() if self._ready else None

    def at(self, positions: Sequence[int]) -> list[Coming]:
        """The images at these places of the queue, in their order."""
        rows = [self._rows[position] for position in positions]
        return self._found(positions, self._pool.submit(self._source.take, rows).result())

    def _ask(self) -> None:
        asked = [self._left.popleft() for _ in range(min(self._size, len(self._left)))]
        rows = [self._rows[position] for position in asked]
        self._next = (asked, self._pool.submit(self._source.take, rows)) if asked else None

    def _found(self, asked: Sequence[int], taken: Taken) -> list[Coming]:
        if not taken.rows:
            return []
        place = {self._rows[position]: position for position in asked}
        observation = self._check(taken.observation)
        return [
            Coming(
                place[row],
                jax.tree.map(lambda leaf, i=i: np.asarray(leaf)[i : i + 1], observation),
            )
            for i, row in enumerate(taken.rows)
        ]
