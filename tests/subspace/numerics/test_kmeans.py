import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import kmeans
from pmsfc_jax.subspace.numerics.kmeans import BATCH, assign, best_single_moves


def inertia_of(points: np.ndarray, labels: np.ndarray) -> float:
    """The sum of squared distances to the cluster means, in float64."""
    points = np.asarray(points, np.float64)
    clusters = (points[labels == label] for label in np.unique(labels))
    return float(sum(((cluster - cluster.mean(axis=0)) ** 2).sum() for cluster in clusters))


def noise_points(num: int, dimension: int, seed: int = 0) -> jax.Array:
    """Points without clusters, where local optima abound."""
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.standard_normal((num, dimension)), jnp.float32)


@pytest.mark.parametrize("seed", range(3))
def test_finds_the_best_of_all_partitions(seed):
    points = noise_points(8, 2, seed)
    best = min(
        inertia_of(points, np.array(labels)) for labels in itertools.product(range(3), repeat=8)
    )
    result = kmeans(points, 3, key=jax.random.key(seed), num_restarts=40)
    assert float(result.inertia) == pytest.approx(best, rel=1e-5)
    assert bool(result.converged)


@pytest.mark.parametrize("seed", range(3))
def test_ends_no_higher_than_scikit_learn_at_equal_restarts(seed):
    points = noise_points(200, 6, seed)
    result = kmeans(points, 15, key=jax.random.key(seed), num_restarts=10)
    with threadpool_limits(1):
        reference = KMeans(15, n_init=10, random_state=seed).fit(np.asarray(points))
    assert float(result.inertia) <= reference.inertia_ * (1 + 1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_the_answer_is_consistent_in_itself(seed, far_away):
    # A large offset is where distances by |x|^2 - 2xc + |c|^2 would lose everything.
    points = noise_points(40, 3, seed) + jnp.float32(1000 if far_away else 0)
    result = kmeans(points, 5, key=jax.random.key(seed), num_restarts=4)
    labels = np.asarray(result.labels)
    assert set(labels.tolist()) == set(range(5))
    assert labels.dtype == np.int32
    assert float(result.inertia) == pytest.approx(inertia_of(points, labels), rel=1e-3)
    assert float(result.inertia) == float(result.restart_inertias.min())
    means = np.stack([np.asarray(points, np.float64)[labels == r].mean(axis=0) for r in range(5)])
    np.testing.assert_allclose(result.centroids, means, atol=1e-4 * (1 + 999 * far_away))


def test_no_single_move_improves_what_has_converged():
    points = noise_points(40, 3)
    result = kmeans(points, 5, key=jax.random.key(0), num_restarts=4)
    assert bool(result.converged)
    labels = np.asarray(result.labels)
    for point, cluster in itertools.product(range(40), range(5)):
        moved = labels.copy()
        moved[point] = cluster
        if len(np.unique(moved)) == 5:
            assert inertia_of(points, moved) >= float(result.inertia) * (1 - 1e-5)


def test_the_gain_of_a_move_is_the_change_of_inertia():
    points = np.asarray(noise_points(30, 3), np.float64)
    labels = np.random.default_rng(0).integers(0, 4, 30).astype(np.int32)
    means = np.stack([points[labels == r].mean(axis=0) for r in range(4)])
    distances = ((points[:, None, :] - means[None, :, :]) ** 2).sum(axis=-1)
    (moved,), (gain,) = best_single_moves(distances.T[None], labels[None])
    gains = {}
    for point, cluster in itertools.product(range(30), range(4)):
        other = labels.copy()
        other[point] = cluster
        gains[point, cluster] = inertia_of(points, labels) - inertia_of(points, other)
    (point, cluster), best = max(gains.items(), key=lambda item: item[1])
    assert float(gain) == pytest.approx(best, rel=1e-4)
    assert np.flatnonzero(np.asarray(moved) != labels).tolist() == [point]
    assert int(moved[point]) == cluster


def test_an_empty_cluster_takes_the_farthest_point_that_is_not_alone():
    # Point 0 is farthest but alone in cluster 0; point 2 is the farthest of cluster 1.
    distances = np.array([[7, 8, 9], [5, 1, 9], [5, 3, 9], [5, 2, 9]])
    both = np.stack([distances.T, distances[::-1].T])
    np.testing.assert_array_equal(assign(both), [[0, 1, 2, 1], [1, 2, 1, 0]])


@pytest.mark.parametrize("num_distinct", [1, 2, 5])
def test_no_cluster_is_empty_even_among_repeated_points(num_distinct):
    points = jnp.asarray(np.arange(120).reshape(40, 3) // 3 % num_distinct, jnp.float32)
    result = kmeans(points, 5, key=jax.random.key(0), num_restarts=4)
    assert set(np.asarray(result.labels).tolist()) == set(range(5))
    assert bool(result.converged)
    assert float(result.inertia) == pytest.approx(0, abs=1e-6)


def test_the_key_reaches_every_restart():
    points = noise_points(40, 3)
    first = kmeans(points, 5, key=jax.random.key(0), num_restarts=12)
    inertias = np.asarray(first.restart_inertias)
    assert len(np.unique(inertias)) >= 4
    again = kmeans(points, 5, key=jax.random.key(0), num_restarts=12)
    np.testing.assert_array_equal(again.labels, first.labels)
    other = np.asarray(kmeans(points, 5, key=jax.random.key(1), num_restarts=12).restart_inertias)
    assert np.sum(other != inertias) >= 6
    # Fewer restarts are the first of more, so more never end higher.
    fewer = kmeans(points, 5, key=jax.random.key(0), num_restarts=4)
    np.testing.assert_allclose(fewer.restart_inertias, inertias[:4], rtol=1e-6)


def test_restarts_end_when_the_best_was_found_often_enough():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.standard_normal((20, 2)) + 50 * i for i in range(3)])
    easy = kmeans(points, 3, key=jax.random.key(0), enough=5)
    assert len(easy.restart_inertias) == BATCH
    assert easy.times_found >= 5
    assert easy.times_found == np.sum(np.isclose(easy.restart_inertias, easy.inertia, rtol=1e-9))
    hard = kmeans(noise_points(200, 6), 15, key=jax.random.key(0), num_restarts=130, enough=5)
    assert len(hard.restart_inertias) == 130
    assert hard.times_found < 5
    assert len(kmeans(points, 3, key=jax.random.key(0), num_restarts=130).restart_inertias) == 130


def test_a_start_that_is_given_takes_the_place_of_one_that_is_drawn():
    points = np.asarray(noise_points(200, 6), np.float64)
    options = {"key": jax.random.key(0), "num_restarts": 12}
    drawn = kmeans(points, 15, **options)
    best = kmeans(points, 15, key=jax.random.key(1), num_restarts=300)
    assert best.inertia < drawn.inertia
    given = kmeans(points, 15, starts=[best.labels], **options)
    # It starts where nothing can be gained, and the others are those of before.
    assert given.restart_inertias[0] == pytest.approx(best.inertia, rel=1e-12)
    np.testing.assert_array_equal(given.restart_inertias[1:], drawn.restart_inertias[1:])
    for labels, message in (
        (best.labels[:-1], "a start has 199 labels"),
        (best.labels * 0, "no channel belongs to subspace 1"),
    ):
        with pytest.raises(InputError, match=message):
            kmeans(points, 15, starts=[labels], **options)


def test_steps_that_run_out_are_told():
    result = kmeans(noise_points(40, 3), 5, key=jax.random.key(0), num_restarts=4, max_steps=1)
    assert not bool(result.converged)
    assert int(result.num_steps) == 1


@pytest.mark.parametrize(
    ("points", "num_clusters", "options", "message"),
    [
        (np.zeros((4, 2)), 5, {}, "num_clusters is 5 but there are only 4 points"),
        (np.zeros((4, 2)), 0, {}, "num_clusters is 0"),
        (np.zeros((4, 2)), 2, {"num_restarts": 0}, "num_restarts is 0"),
        (np.zeros((4, 2)), 2, {"max_steps": 0}, "max_steps is 0"),
        (np.zeros((4, 2)), 2, {"enough": 0}, "enough is 0"),
        (np.zeros(4), 2, {}, r"shape \(4,\) and dtype float32: expected floats \[N, D\]"),
        (np.full((4, 2), np.nan), 2, {}, "not all finite"),
    ],
)
def test_unusable_input_is_refused(points, num_clusters, options, message):
    with pytest.raises(InputError, match=message):
        kmeans(jnp.asarray(points, jnp.float32), num_clusters, key=jax.random.key(0), **options)


def test_whole_numbers_are_refused():
    with pytest.raises(InputError, match="dtype int32: expected floats"):
        kmeans(jnp.zeros((4, 2), jnp.int32), 2, key=jax.random.key(0))
