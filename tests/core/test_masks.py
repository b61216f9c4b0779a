import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.masks import canonical_labels, check_masks, masks_from_labels, random_partition

LABELS = np.array([0, 2, 1, 1, 0, 2, 2], np.int32)


def test_masks_are_the_indicators_of_the_labels():
    masks = masks_from_labels(jnp.asarray(LABELS), 3)
    assert masks.dtype == jnp.float32
    np.testing.assert_array_equal(
        masks, [[1, 0, 0, 0, 1, 0, 0], [0, 0, 1, 1, 0, 0, 0], [0, 1, 0, 0, 0, 1, 1]]
    )
    np.testing.assert_array_equal(check_masks(masks), masks)


def test_a_random_partition_has_the_same_sizes_in_other_places():
    labels = np.repeat(np.arange(4), (5, 10, 20, 29))
    seen = [np.asarray(random_partition(jax.random.key(seed), labels)) for seed in range(3)]
    for partition in seen:
        assert partition.dtype == np.int32
        np.testing.assert_array_equal(np.bincount(partition), [5, 10, 20, 29])
        assert np.any(partition != labels)
    assert np.any(seen[0] != seen[1])
    np.testing.assert_array_equal(seen[0], random_partition(jax.random.key(0), labels))


def test_a_random_partition_is_uniform():
    draws = [np.asarray(random_partition(jax.random.key(seed), LABELS)) for seed in range(400)]
    frequency = np.mean(np.stack(draws) == 2, axis=0)
    np.testing.assert_allclose(frequency, 3 / 7, atol=0.1)  # four standard deviations


def test_canonical_labels_number_by_first_appearance():
    np.testing.assert_array_equal(
        canonical_labels(np.array([5, 2, 5, 9, 2])), np.array([0, 1, 0, 2, 1])
    )
    np.testing.assert_array_equal(canonical_labels(LABELS), [0, 1, 2, 2, 0, 1, 1])


@pytest.mark.parametrize(
    ("labels", "num_subspaces", "message"),
    [
        ([0, 1, 3], 3, r"labels lie in 0..3: expected 0..2 for 3 subspaces"),
        ([0, 1, -1], 3, r"labels lie in -1..1"),
        ([0, 0, 2], 3, "no channel belongs to subspace 1: every one of 3 subspaces"),
        ([0.0, 1.0], 2, "dtype float64: expected one integer per channel"),
        ([[0, 1]], 2, r"shape \(1, 2\)"),
        ([], 2, r"shape \(0,\)"),
        ([0, 0], 0, "num_subspaces is 0"),
    ],
)
def test_labels_that_are_no_partition_are_refused(labels, num_subspaces, message):
    with pytest.raises(InputError, match=message):
        masks_from_labels(np.array(labels), num_subspaces)


@pytest.mark.parametrize("labels", [[0, 2, 2], [-1, 0], [], [0.0, 1.0], [[0]], [-1]])
def test_a_random_partition_needs_a_partition(labels):
    with pytest.raises(InputError, match=r"labels|subspace"):
        random_partition(jax.random.key(0), np.array(labels))


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ([[1, 0, 0], [0, 0, 1]], "channel 1 is in 0 subspaces: expected every channel"),
        ([[1, 1, 0], [0, 1, 1]], "channel 1 is in 2 subspaces"),
        ([[1, 1], [0, 0]], "no channel belongs to subspace 1"),
        ([[0.5, 1], [0.5, 0]], "other values than 0 and 1"),
        ([[np.nan, 1], [0, 0]], "other values than 0 and 1"),
        ([1, 1], r"shape \(2,\): expected \[R, C\]"),
    ],
)
def test_masks_that_are_no_partition_are_refused(masks, message):
    with pytest.raises(InputError, match=message):
        check_masks(np.array(masks))
