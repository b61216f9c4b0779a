"""Which pictures can be edited together: those of one generator, cut and partition."""

from collections.abc import Mapping

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.masks import canonical_labels
from pmsfc_jax.inversion.drawing import Drawing


def check_together(drawings: Mapping[str, Drawing]) -> None:
    """Check that features of all drawings lie in one space.

    Args:
      drawings: by what messages call them.

    Raises:
      InputError: they are of different weights or layers.

    """
    (first, a), *others = drawings.items()
    for name, b in others:
        if (a.generator, a.identity) != (b.generator, b.identity):
            raise InputError(
                f"{first} was found with {_weights(a)} and {name} with {_weights(b)}: edit "
                "pictures of one generator together"
            )
        if a.layer != b.layer:
            raise InputError(
                f"{first} was cut at layer {a.layer} and {name} at layer {b.layer}: invert both "
                "with the same --layer"
            )


def common_masks(drawings: Mapping[str, Drawing]) -> np.ndarray:
    """The partition ``[R, C]`` that all drawings were found with, numbered as in the first.

    Drawings that were composed without subspaces have no say in it.

    Args:
      drawings: by what messages call them.

    Raises:
      InputError: they have different partitions.

    """
    divided = [(name, one.masks) for name, one in drawings.items() if len(one.masks) > 1]
    if not divided:
        return next(iter(drawings.values())).masks
    (first, masks), *others = divided
    for name, other in others:
        if not _same(masks, other):
            raise InputError(
                f"{first} and {name} were found with different subspaces: say with --subspaces "
                "which are meant"
            )
    return masks


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two partitions are the same but for the numbers of their subspaces."""
    if a.shape != b.shape:
        return False
    first, second = (canonical_labels(masks.argmax(axis=0)) for masks in (a, b))
    return np.array_equal(first, second)


def _weights(drawing: Drawing) -> str:
    name = drawing.generator or "a generator"
    return f"{name} (weights {drawing.identity[:12]})" if drawing.identity else name
