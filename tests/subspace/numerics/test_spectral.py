import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.sparse.csgraph import laplacian
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import (
    affinity,
    self_expression,
    spectral_clustering,
    spectral_clustering_details,
)
from tests.subspace.synthetic import gram_of, union_of_subspaces


def blocks(sizes, *, between=0.0, seed=0):
    """An affinity with strong blocks on the diagonal and its labels."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    matrix = rng.uniform(0.5, 1, (labels.size, labels.size))
    matrix = np.where(labels[:, None] == labels[None, :], matrix, between * matrix)
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 0)
    return matrix.astype(np.float32), labels


@pytest.fixture(scope="session")
def published_affinity(shared):
    return affinity(np.load(shared / "data/affinity/pmsfc_celebahq_layer3_step50.npy"))


@pytest.mark.parametrize(
    ("sizes", "dimension", "noise"),
    [
        ((8, 10, 14), 3, 0.1),
        ((30, 40, 60, 126), 6, 0.2),
        pytest.param((20, 30, 60), 5, 0.3, marks=pytest.mark.slow),
        pytest.param((20, 30, 60), 5, 0.0, marks=pytest.mark.slow),
        pytest.param((12, 18, 34), 4, 0.2, marks=pytest.mark.slow),
        pytest.param((20, 40, 68), 5, 0.2, marks=pytest.mark.slow),
        pytest.param((64, 96, 140, 212), 8, 0.3, marks=pytest.mark.slow),
        pytest.param((64, 96, 128, 160, 256, 320), 12, 0.3, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_recovers_a_union_of_subspaces(sizes, dimension, noise, seed):
    features, labels = union_of_subspaces(sizes, dimension, noise=noise, seed=seed)
    coefficients = self_expression(gram_of(features).astype(np.float32)).coefficients
    found = spectral_clustering(
        affinity(coefficients), len(sizes), key=jax.random.key(seed), num_restarts=20
    )
    assert found.dtype == jnp.int32
    assert adjusted_rand_score(labels, np.asarray(found)) == 1.0


def test_the_released_refinement_recovers_it_too():
    features, labels = union_of_subspaces((8, 10, 14), 3, noise=0.1)
    refined = affinity(
        self_expression(gram_of(features)).coefficients, keep_mass=0.6, rank=10, affinity_power=2
    )
    found = spectral_clustering(refined, 3, key=jax.random.key(0), num_restarts=20)
    assert adjusted_rand_score(labels, np.asarray(found)) == 1.0


def test_spectrum_and_rows_are_those_of_the_laplacian_of_scipy():
    matrix, _ = blocks((4, 6, 5), between=0.2)
    result = spectral_clustering_details(matrix, 3, key=jax.random.key(0), num_restarts=5)
    values, vectors = eigh(laplacian(matrix.astype(np.float64), normed=True))
    np.testing.assert_allclose(result.eigenvalues, 1 - values, atol=1e-6)
    rows = vectors[:, :3] / np.linalg.norm(vectors[:, :3], axis=1, keepdims=True)
    # Rows are determined up to the signs of the columns; their inner products are not.
    embedding = np.asarray(result.embedding)
    np.testing.assert_allclose(embedding @ embedding.T, rows @ rows.T, atol=1e-5)
    inertia = sum(
        ((rows[result.labels == r] - rows[result.labels == r].mean(axis=0)) ** 2).sum()
        for r in range(3)
    )
    assert result.inertia == pytest.approx(inertia, rel=1e-5)


def test_a_best_that_was_not_found_often_is_told():
    # Noise has no clusters, so starts end in different places.
    matrix = np.random.default_rng(0).uniform(0.5, 1, (120, 120))
    matrix = matrix + matrix.T
    found = spectral_clustering_details(matrix, 9, key=jax.random.key(0), num_restarts=60)
    assert found.num_restarts == 60
    assert found.times_found < 5
    assert f"into 9 was found {found.times_found} times in 60" in found.advice
    clear, _ = blocks((4, 6, 5), between=0.2)
    found = spectral_clustering_details(clear, 3, key=jax.random.key(0))
    assert found.num_restarts == 50  # one batch, of at most 400
    assert found.times_found >= 10
    assert found.advice == ""
    # Fewer starts than would be enough are what was asked for.
    assert spectral_clustering_details(clear, 3, key=jax.random.key(0), num_restarts=2).advice == ""


def test_the_key_decides_and_nothing_else():
    # Noise has no clusters, so a few starts end in different places.
    matrix = np.random.default_rng(0).uniform(0.5, 1, (120, 120))
    matrix = matrix + matrix.T
    found = [
        spectral_clustering(matrix, 12, key=jax.random.key(seed), num_restarts=10)
        for seed in (0, 0, 1, 2)
    ]
    # The first start is the one that needs no random choice.
    single = [
        spectral_clustering(matrix, 12, key=jax.random.key(seed), num_restarts=1) for seed in (0, 1)
    ]
    np.testing.assert_array_equal(*single)
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert not np.array_equal(found[2], found[3])


def test_the_diagonal_does_not_matter():
    matrix, _ = blocks((4, 6, 5), between=0.2)
    plain = spectral_clustering_details(matrix, 3, key=jax.random.key(0), num_restarts=5)
    np.fill_diagonal(matrix, np.linspace(0, 5, 15))
    loaded = spectral_clustering_details(matrix, 3, key=jax.random.key(0), num_restarts=5)
    np.testing.assert_array_equal(plain.labels, loaded.labels)
    np.testing.assert_array_equal(plain.eigenvalues, loaded.eigenvalues)


def test_equal_partitions_have_equal_labels():
    matrix, labels = blocks((4, 6, 5), between=0.1)
    order = np.random.default_rng(3).permutation(15)
    for seed in range(4):
        found = spectral_clustering(matrix, 3, key=jax.random.key(seed), num_restarts=5)
        np.testing.assert_array_equal(found, labels)
        shuffled = spectral_clustering(
            matrix[np.ix_(order, order)], 3, key=jax.random.key(seed), num_restarts=5
        )
        assert adjusted_rand_score(labels[order], np.asarray(shuffled)) == 1.0
        first_seen = np.unique(np.asarray(shuffled), return_index=True)[1]
        assert first_seen.tolist() == sorted(first_seen.tolist())


def test_isolated_channels_join_the_largest_subspace():
    inner, labels = blocks((4, 5, 6), between=0.05)
    matrix = np.zeros((17, 17), np.float32)
    related = np.delete(np.arange(17), [0, 7])
    matrix[np.ix_(related, related)] = inner
    matrix[0, 0] = 3  # affinity to itself does not relate it to anything
    matrix[7, 1] = matrix[1, 7] = 1e-13  # nor does rounding
    result = spectral_clustering_details(matrix, 3, key=jax.random.key(0), num_restarts=5)
    assert np.flatnonzero(np.asarray(result.isolated)).tolist() == [0, 7]
    # Channel 0 comes first and belongs to the largest, the last block.
    np.testing.assert_array_equal(np.asarray(result.labels)[related], (labels + 1) % 3)
    np.testing.assert_array_equal(np.asarray(result.labels)[[0, 7]], 0)
    np.testing.assert_array_equal(np.asarray(result.embedding)[[0, 7]], 0)
    assert result.eigenvalues.shape == (17,)
    assert np.all(np.diff(np.asarray(result.eigenvalues)) <= 0)


@pytest.mark.parametrize("num_clusters", [1, 15])
def test_the_extreme_numbers_of_clusters(num_clusters):
    matrix, _ = blocks((4, 6, 5), between=0.1)
    found = spectral_clustering(matrix, num_clusters, key=jax.random.key(0), num_restarts=2)
    np.testing.assert_array_equal(np.unique(np.asarray(found)), np.arange(num_clusters))


def with_entry(value):
    matrix, _ = blocks((4, 6))
    matrix[0, 1] = value
    return matrix


@pytest.mark.parametrize(
    ("matrix", "num_clusters", "message"),
    [
        (np.ones((3, 4)), 2, "affinity matrix has shape"),
        (with_entry(np.nan), 2, "not finite"),
        (with_entry(9.0), 2, "not symmetric"),
        (-blocks((4, 6))[0], 2, r"pass coefficients through affinity\(\) first"),
        (blocks((4, 6))[0], 0, "num_clusters is 0"),
        (blocks((4, 6))[0], 11, "num_clusters is 11 but there are only 10 channels"),
        (np.zeros((4, 4)), 1, "only 0 channels related to any other"),
        (np.eye(4), 2, "only 0 channels related to any other"),
    ],
)
def test_unusable_input_is_refused(matrix, num_clusters, message):
    with pytest.raises(InputError, match=message):
        spectral_clustering(matrix, num_clusters, key=jax.random.key(0))


@pytest.mark.shared
@pytest.mark.parametrize(
    "num_clusters",
    [4, 8, *(pytest.param(number, marks=pytest.mark.slow) for number in (2, 3, 6, 12, 30))],
)
def test_published_matrix_inertia_is_no_higher_than_scikit_learn(published_affinity, num_clusters):
    result = spectral_clustering_details(
        published_affinity, num_clusters, key=jax.random.key(0), num_restarts=50
    )
    rows = np.asarray(result.embedding, np.float64)
    with threadpool_limits(1):
        reference = KMeans(num_clusters, n_init=50, random_state=0).fit(rows)
    assert result.inertia <= reference.inertia_ * (1 + 1e-6)


@pytest.mark.shared
def test_published_matrix_has_the_spectrum_it_is_known_for(published_affinity):
    result = spectral_clustering_details(
        published_affinity, 4, key=jax.random.key(0), num_restarts=50
    )
    expected = [1, 0.106, 0.075, 0.060, 0.058, 0.055]
    np.testing.assert_allclose(result.eigenvalues[:6], expected, atol=6e-4)


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("num_clusters", [2, 3, 4])
def test_published_matrix_is_stable_between_keys(published_affinity, num_clusters):
    partitions = [
        np.asarray(
            spectral_clustering(
                published_affinity, num_clusters, key=jax.random.key(seed), num_restarts=200
            )
        )
        for seed in range(4)
    ]
    for other in partitions[1:]:
        assert adjusted_rand_score(partitions[0], other) >= 0.95
