"""Which images share a compiled step."""

from collections.abc import Sequence
from typing import NamedTuple


class Batch(NamedTuple):
    """Images that are inverted together.

    Attributes:
      rows: which of the images: at most ``size``, or any number where they are a queue.
      size: images in the compiled step; places left over are filled with copies and dropped.

    """

    rows: tuple[int, ...]
    size: int


def plan_batches(rows: Sequence[int], batch_size: int, *, queue: bool = False) -> list[Batch]:
    """Consecutive batches of one size: ``batch_size``, or all of them where they are fewer.

    A queue is one batch of all of them, of which so many are in the compiled step at a time.

    One size, so that an odd number left over compiles nothing new; no larger than the number of
    images, so that one photograph does not cost eight.
    """
    size = min(batch_size, len(rows))
    if queue and size:
        return [Batch(tuple(rows), size)]
    return [
        Batch(tuple(rows[first : first + size]), size) for first in range(0, len(rows), size or 1)
    ]


def halves(batch: Batch, smallest: int = 1, *, queue: bool = False) -> tuple[Batch, ...]:
    """The batch as two of half its size; none where it cannot be halved.

    Args:
      batch: that did not fit.
      smallest: images in the smallest batch there is, the number of devices.
      queue: the same images with half the slots instead.

    """
    size = -(-batch.size // 2)
    if batch.size <= smallest:
        return ()
    if queue:
        return (Batch(batch.rows, size),)
    parts = (batch.rows[:size], batch.rows[size:])
    return tuple(Batch(rows, size) for rows in parts if rows)
