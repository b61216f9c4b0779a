"""Axes of stored arrays as text, so that a layout table can state them and nothing else.

One group of letters a dimension: ``"O I H W"`` is a torch convolution, ``"H W O I"`` a transposed
one of TensorFlow, ``"I OHW"`` a dense layer whose output is reshaped to maps.
"""

import math
from collections.abc import Mapping

import numpy as np

Sizes = Mapping[str, int | None]
Shape = tuple[int | None, ...]


def expected_shape(axes: str, sizes: Sizes) -> Shape:
    """The stored shape; ``None`` for a dimension with an axis of unknown size."""
    shape: list[int | None] = []
    for group in axes.split():
        known = [sizes.get(letter) for letter in group]
        shape.append(None if None in known else math.prod(side for side in known if side))
    return tuple(shape)


def find_size(axes: str, letter: str, shape: tuple[int, ...], sizes: Sizes) -> int | None:
    """Solve the stored shape for the size of one axis; ``None`` where it cannot be."""
    groups = axes.split()
    if len(shape) != len(groups):
        return None
    index = next(i for i, group in enumerate(groups) if letter in group)
    others = expected_shape(groups[index].replace(letter, "") or "1", {"1": 1, **sizes})[0]
    if not others or shape[index] % others or not shape[index]:
        return None
    return shape[index] // others


def reorder(array: np.ndarray, axes: str, order: str, sizes: Mapping[str, int]) -> np.ndarray:
    """Bring a stored array to the axes ``order``, one letter each, without some of size 1."""
    letters = axes.replace(" ", "")
    full = array.reshape([sizes[letter] for letter in letters])
    dropped = tuple(i for i, letter in enumerate(letters) if letter not in order)
    full = full.squeeze(dropped)
    kept = [letter for letter in letters if letter in order]
    return full.transpose([kept.index(letter) for letter in order])


def matches(shape: tuple[int, ...], expected: Shape) -> bool:
    """Whether a shape is as expected, ``None`` being any size."""
    return len(shape) == len(expected) and all(
        want is None or want == side for side, want in zip(shape, expected, strict=True)
    )


def shown(shape: Shape) -> str:
    """A shape for a message, ``?`` for a size that nothing determines."""
    return "(" + ", ".join("?" if side is None else str(side) for side in shape) + ")"
