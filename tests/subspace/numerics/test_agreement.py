import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import adjusted_rand_index


@pytest.mark.parametrize("seed", range(20))
def test_equals_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, rng.integers(1, 8), 60)
    second = np.where(rng.random(60) < 0.5, first, rng.integers(3, 3 + rng.integers(1, 9), 60))
    expected = adjusted_rand_score(first, second)
    assert adjusted_rand_index(first, second) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "labels", [np.zeros(5, int), np.arange(5), np.array([3, 3, 7]), np.array([0])]
)
def test_equal_partitions_agree_whatever_their_numbers(labels):
    assert adjusted_rand_index(labels, labels) == 1.0
    assert adjusted_rand_index(labels, 10 - labels) == 1.0


def test_the_coarsest_and_the_finest_partition_share_nothing():
    assert adjusted_rand_index(np.zeros(5, int), np.arange(5)) == 0.0


@pytest.mark.parametrize(
    ("labels", "others"),
    [
        (np.zeros(3, int), np.zeros(4, int)),
        (np.zeros(3), np.zeros(3, int)),
        (np.zeros((2, 2), int), np.zeros((2, 2), int)),
        (np.zeros(0, int), np.zeros(0, int)),
    ],
)
def test_anything_but_two_lists_of_labels_is_refused(labels, others):
    with pytest.raises(InputError, match="expected two arrays"):
        adjusted_rand_index(labels, others)
