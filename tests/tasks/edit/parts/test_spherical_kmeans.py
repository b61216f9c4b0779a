"""Spherical k-means against Lloyd's alternation written out, and against scikit-learn's k-means."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.tasks.edit.parts.spherical_kmeans import _lloyd, spherical_kmeans, unit_rows


def written_out(rows, centres):
    """Row by row, in float64, until nothing changes."""
    unit = [row / np.sqrt(sum(value**2 for value in row)) for row in rows]
    labels = None
    while True:
        new = [max(range(len(centres)), key=lambda j: float(row @ centres[j])) for row in unit]
        if new == labels:
            return np.array(labels), centres
        labels = new
        for j in range(len(centres)):
            total = sum((u for u, label in zip(unit, labels, strict=True) if label == j), 0.0)
            if np.any(total):
                centres[j] = total / np.linalg.norm(total)


def test_one_start_is_lloyds_alternation():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(80, 5)) + 0.5
    start = unit_rows(rng.normal(size=(4, 5)))
    labels, centres = written_out(rows, list(start.copy()))
    ours = _lloyd(unit_rows(rows), start)
    np.testing.assert_array_equal(ours.labels, labels)
    np.testing.assert_allclose(ours.centres, centres, rtol=1e-9)
    cosines = [row @ centres[label] for row, label in zip(unit_rows(rows), labels, strict=True)]
    np.testing.assert_allclose(ours.cohesion, np.mean(cosines), rtol=1e-9)


@pytest.fixture(scope="module")
def bundles():
    """Rows of three directions, of any length, the second bundle the largest; some zeros."""
    rng = np.random.default_rng(1)
    sizes, directions = (30, 60, 20), unit_rows(rng.normal(size=(3, 8)))
    truth = np.repeat([0, 1, 2], sizes)
    rows = directions[truth] + 0.1 * rng.normal(size=(110, 8))
    return rows * rng.uniform(0.1, 10, size=(110, 1)), truth


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bundles_are_found_as_by_scikit_learn(bundles, dtype):
    rows, truth = bundles
    ours = spherical_kmeans(rows.astype(dtype), 3)
    theirs = KMeans(3, n_init=5, random_state=0).fit_predict(unit_rows(rows))
    assert adjusted_rand_score(ours.labels, theirs) == 1
    assert adjusted_rand_score(ours.labels, truth) == 1
    assert np.bincount(ours.labels).tolist() == [60, 30, 20]
    np.testing.assert_allclose(np.linalg.norm(ours.centres, axis=1), 1, rtol=1e-6)
    again = spherical_kmeans(rows.astype(dtype), 3)
    np.testing.assert_array_equal(ours.labels, again.labels)


def test_rows_of_zeros_point_nowhere(bundles):
    rows, _ = bundles
    with_zeros = np.concatenate([rows, np.zeros((50, 8))])
    ours, plain = spherical_kmeans(with_zeros, 3), spherical_kmeans(rows, 3)
    np.testing.assert_allclose(ours.cohesion, plain.cohesion, rtol=1e-6)
    assert len(set(ours.labels[110:])) == 1
    with pytest.raises(InputError, match="2 rows that are not zero make no 3 groups"):
        spherical_kmeans(np.eye(4)[:2], 3)
    with pytest.raises(InputError, match="num_parts is 0"):
        spherical_kmeans(rows, 0)
