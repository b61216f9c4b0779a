"""Labels and masks: two ways to write a partition of channels into subspaces.

``labels [C]`` holds the subspace of every channel, from 0; ``masks [R, C]`` the indicator of every
subspace. In a partition every channel belongs to exactly one subspace and no subspace is empty.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Key


def masks_from_labels(labels: ArrayLike, num_subspaces: int) -> Array:
    """Masks ``m^r [R, C]`` of equation 7, float32: 1 where channel c belongs to subspace r, else 0.

    Args:
      labels: ``[C]`` integers in 0..R-1.
      num_subspaces: R.

    Raises:
      InputError: labels that are not a partition into exactly R subspaces.
    """
    checked = check_labels(labels, num_subspaces)
    return jnp.asarray((checked[None, :] == np.arange(num_subspaces)[:, None]).astype(np.float32))


def random_partition(key: Key, labels: ArrayLike) -> Array:
    """Labels ``[C]`` int32 of a random partition with subspaces of the same sizes.

    The control for every claim about discovered subspaces. Subspace r has as many channels as in
    ``labels``; which ones is a uniform random permutation.

    Args:
      key: a jax random key.
      labels: ``[C]`` integers from 0.

    Raises:
      InputError: labels that are not a partition.
    """
    values = np.asarray(labels)
    num_subspaces = int(values.max()) + 1 if values.size and values.dtype.kind in "iu" else 1
    return jax.random.permutation(key, jnp.asarray(check_labels(values, max(num_subspaces, 1))))


def check_labels(labels: ArrayLike, num_subspaces: int) -> np.ndarray:
    """Return ``labels`` as ``[C]`` int32 that name every one of R subspaces.

    Raises:
      InputError: another shape, no integers, a label outside 0..R-1, or an empty subspace.
    """
    num_subspaces = positive_int(num_subspaces, "num_subspaces")
    values = np.asarray(labels)
    if values.ndim != 1 or values.size == 0 or values.dtype.kind not in "iu":
        raise InputError(
            f"the labels have shape {values.shape} and dtype {values.dtype}: expected one integer "
            "per channel, [C]"
        )
    if values.min() < 0 or values.max() >= num_subspaces:
        raise InputError(
            f"the labels lie in {values.min()}..{values.max()}: expected 0..{num_subspaces - 1} "
            f"for {num_subspaces} subspaces"
        )
    empty = np.flatnonzero(np.bincount(values, minlength=num_subspaces) == 0)
    if empty.size:
        raise InputError(
            f"no channel belongs to subspace {', '.join(map(str, empty))}: every one of "
            f"{num_subspaces} subspaces needs at least one channel"
        )
    return values.astype(np.int32)


def check_masks(masks: ArrayLike) -> Array:
    """Return ``masks`` as ``[R, C]`` float32 that give every channel to exactly one subspace.

    Raises:
      InputError: another shape, entries other than 0 and 1, a channel in no subspace or in
        several, or an empty subspace.
    """
    values = np.asarray(masks)
    if values.ndim != 2 or values.size == 0:
        raise InputError(f"the masks have shape {values.shape}: expected [R, C]")
    values = values.astype(np.float32)
    if not np.all((values == 0) | (values == 1)):
        raise InputError("the masks hold other values than 0 and 1")
    owners = values.sum(axis=0)
    if np.any(owners != 1):
        channel = int(np.flatnonzero(owners != 1)[0])
        raise InputError(
            f"channel {channel} is in {int(owners[channel])} subspaces: expected every channel in "
            "exactly one"
        )
    check_labels(values.argmax(axis=0), values.shape[0])
    return jnp.asarray(values)


def canonical_labels(labels: np.ndarray) -> np.ndarray:
    """Renumber ``labels [C]`` in order of first appearance, int32.

    Channel 0 is in subspace 0, the first channel that is not is in subspace 1, and so on: equal
    partitions get equal labels.
    """
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int32)
