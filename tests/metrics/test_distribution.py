import numpy as np
import pytest
import scipy.linalg
from sklearn.neighbors import NearestNeighbors

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.metrics import frechet_distance, nearest_neighbours, precision_recall


def normal(seed, n, d, scale=1.0, shift=0.0):
    return np.random.default_rng(seed).standard_normal((n, d)) * scale + shift


def correlated(seed, n, d):
    return normal(seed, n, d) @ normal(seed + 100, d, d) + normal(seed + 200, 1, d)


def share_covered(points, centres, k):
    """By scikit-learn: radii from its neighbours, membership from its distances."""
    finder = NearestNeighbors(algorithm="brute").fit(centres)
    radii = finder.kneighbors(n_neighbors=k)[0][:, -1]  # without X, a point is not its own
    distances, indices = finder.kneighbors(points, n_neighbors=len(centres))
    return np.mean((distances <= radii[indices]).any(axis=1))


def frechet_by_sqrtm(a, b):
    covariances = [np.cov(x, rowvar=False) for x in (a, b)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    means = np.square(a.mean(0) - b.mean(0)).sum()
    return means + sum(np.trace(c) for c in covariances) - 2 * np.trace(root).real


@pytest.mark.parametrize("k", [1, 3])
def test_precision_and_recall_against_scikit_learn(k):
    real, generated = normal(0, 60, 4), normal(1, 45, 4, scale=0.7, shift=0.8)
    found = precision_recall(real, generated, k)
    assert found.precision == share_covered(generated, real, k)
    assert found.recall == share_covered(real, generated, k)
    assert 0 < found.recall < found.precision < 1  # so that the two cannot be mistaken


def test_narrow_samples_are_precise_and_wide_ones_have_recall():
    real = normal(0, 200, 3)
    narrow = precision_recall(real, normal(1, 200, 3, scale=0.05))
    wide = precision_recall(real, normal(1, 200, 3, scale=4.0))
    assert narrow.precision > 0.95 > 0.2 > narrow.recall
    assert wide.recall > 0.6 > 0.3 > wide.precision
    assert precision_recall(real, real + 100) == (0, 0)
    assert precision_recall(real, real) == (1, 1)


def test_edges_belong_to_balls_and_no_point_is_its_own_neighbour():
    # Balls of radius 1 (k=1) around 0, 1 and of radius 2 around 3: they cover -1 to 2 and 1 to 5.
    real = np.array([[0.0], [1.0], [3.0]])
    assert precision_recall(real, np.array([[-1.0], [5.0]]), k=1).precision == 1
    assert precision_recall(real, np.array([[-1.01], [5.01]]), k=1).precision == 0
    # Two in the same place are neighbours at distance 0: a ball of one point, far from the rest.
    twins = np.array([[0.0], [0.0], [7.0], [7.0]])
    assert precision_recall(twins, np.array([[0.0], [0.1]]), k=1).precision == 0.5


@pytest.mark.parametrize(("n", "m"), [(80, 60), (80, 7), (6, 7)])
def test_frechet_distance_against_sqrtm(n, m):
    a, b = correlated(0, n, 12), correlated(1, m, 12)
    # sqrtm itself is good to some 1e-6 where the product is singular.
    assert frechet_distance(a, b) == pytest.approx(frechet_by_sqrtm(a, b), rel=1e-5)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-12)


def with_moments(seed, n, mean, covariance):
    """Points whose sample mean and covariance are exactly these."""
    white = normal(seed, n, len(mean))
    white -= white.mean(0)
    white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white, rowvar=False))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_frechet_distance_of_gaussians_in_closed_form():
    # Covariances that commute: the squared distance of means plus that of standard deviations.
    turn = np.linalg.qr(normal(3, 4, 4))[0]
    deviations = np.array([1.0, 2.0, 0.5, 3.0]), np.array([2.0, 2.0, 1.0, 0.25])
    means = np.zeros(4), np.array([1.0, 0.0, -2.0, 0.5])
    a, b = (
        with_moments(i, 50 + i, means[i], turn @ np.diag(deviations[i] ** 2) @ turn.T)
        for i in (0, 1)
    )
    expected = np.square(means[1]).sum() + np.square(deviations[0] - deviations[1]).sum()
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-10)


def test_frechet_distance_with_fewer_points_than_features():
    a = correlated(0, 20, 64)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9 * np.square(a).sum())
    assert frechet_distance(a, a) >= 0
    # A shift alone: exactly its squared length, whatever the covariance.
    assert frechet_distance(a, a + 0.5) == pytest.approx(64 * 0.25, rel=1e-9)
    # float32 features, as a network gives them, are not judged in float32.
    a32 = a.astype(np.float32)
    assert frechet_distance(a32, a32 + np.float32(0.5)) == pytest.approx(16, rel=1e-5)


def test_neighbours_against_scikit_learn():
    queries, references = normal(0, 9, 5), normal(1, 40, 5)
    found = nearest_neighbours(queries, references, 3)
    finder = NearestNeighbors(n_neighbors=3, algorithm="brute").fit(references)
    distances, indices = finder.kneighbors(queries)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-12)


def test_neighbours_keep_small_distances_and_break_ties_by_order():
    # Far from the origin the expanded square |a|^2 + |b|^2 - 2ab would lose these.
    references = 1e6 + np.array([[3e-5], [1e-5], [-1e-5], [0.0]])
    found = nearest_neighbours(np.array([[1e6]]), references, 2)
    np.testing.assert_array_equal(found.indices, [[3, 1]])
    np.testing.assert_allclose(found.distances, [[0, 1e-5]], rtol=1e-4)
    tied = nearest_neighbours(np.zeros((1, 1)), (np.arange(64) % 2)[:, None], 64)
    np.testing.assert_array_equal(tied.indices, [[*range(0, 64, 2), *range(1, 64, 2)]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: precision_recall(normal(0, 9, 3), normal(0, 3, 3)), "9 and 3 points"),
        (lambda: precision_recall(normal(0, 9, 3), normal(0, 9, 3), 0), "k of at least 1"),
        (lambda: precision_recall(normal(0, 9, 3), normal(0, 9, 4)), r"\(9, 3\) and \(9, 4\)"),
        (lambda: frechet_distance(normal(0, 1, 3), normal(0, 9, 3)), "two or more"),
        (lambda: frechet_distance(np.full((9, 3), np.nan), normal(0, 9, 3)), "not finite"),
        (lambda: nearest_neighbours(normal(0, 2, 3), normal(0, 4, 3), 5), "not 5"),
        (lambda: nearest_neighbours(np.zeros((0, 3)), normal(0, 4, 3), 1), "one row a picture"),
    ],
)
def test_what_cannot_be_measured_is_said(call, message):
    with pytest.raises(InputError, match=message):
        call()
