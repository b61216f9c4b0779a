import numpy as np
import pytest
from scipy.linalg import qr
from sklearn.cluster._spectral import cluster_qr

from pmsfc_jax.subspace import adjusted_rand_index
from pmsfc_jax.subspace.numerics.pivoted_qr import pivoted_qr_labels, pivots


def eigenvectors(size: int, number: int, seed: int) -> np.ndarray:
    """Of an affinity with weak groups, ``[size, number]``."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, number, size)
    matrix = rng.uniform(0, 1, (size, size)) + (labels[:, None] == labels[None, :])
    return np.linalg.eigh(matrix + matrix.T)[1][:, -number:]


@pytest.mark.parametrize("number", [1, 2, 5, 12])
@pytest.mark.parametrize("seed", range(3))
def test_labels_are_those_of_scikit_learn(number, seed):
    vectors = eigenvectors(60, number, seed)
    assert adjusted_rand_index(pivoted_qr_labels(vectors), cluster_qr(vectors)) == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_pivots_are_those_of_lapack(seed):
    vectors = eigenvectors(60, 12, seed)
    np.testing.assert_array_equal(pivots(vectors), qr(vectors.T, pivoting=True)[2][:12])


def test_blocks_without_any_connection_are_told_exactly():
    labels = np.array([0, 1, 2, 1, 0, 2, 2, 1])
    vectors = np.eye(3)[labels] / np.sqrt(np.bincount(labels))
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    assert adjusted_rand_index(pivoted_qr_labels(vectors @ turn), labels) == 1.0


def test_rows_that_span_too_little_do_not_divide_by_zero():
    vectors = np.zeros((5, 3))
    vectors[:, 0] = 1 / np.sqrt(5)
    assert pivoted_qr_labels(vectors).shape == (5,)
