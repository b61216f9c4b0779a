import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse.linalg import svds

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import affinity, cosine_affinity


def coefficients(size: int = 20, seed: int = 0) -> np.ndarray:
    matrix = np.random.default_rng(seed).standard_normal((size, size)).astype(np.float32)
    np.fill_diagonal(matrix, 0)
    return matrix


def threshold(matrix: np.ndarray, share: float) -> np.ndarray:
    """Column by column: add the largest magnitude until the sum exceeds the share."""
    kept = np.zeros_like(matrix)
    for column in range(matrix.shape[1]):
        magnitudes = np.abs(matrix[:, column])
        total, held = magnitudes.sum(), 0.0
        for row in np.argsort(-magnitudes):
            kept[row, column] = matrix[row, column]
            held += magnitudes[row]
            if held > share * total:
                break
    return kept


def test_is_the_mean_of_the_magnitudes():
    matrix = coefficients()
    result = affinity(jnp.asarray(matrix))
    assert result.dtype == jnp.float32
    np.testing.assert_allclose(result, (np.abs(matrix) + np.abs(matrix.T)) / 2, rtol=1e-6)


def test_a_worked_example_of_keep_mass():
    # Column 0 has mass 10: 6 alone holds more than half of it, 6 + 3 more than 80 %.
    matrix = np.array([[0, 0, 0], [6, 0, 0], [-4, 0, 0]], np.float32)
    np.testing.assert_array_equal(
        affinity(matrix, keep_mass=0.5), [[0, 3, 0], [3, 0, 0], [0, 0, 0]]
    )
    np.testing.assert_array_equal(
        affinity(matrix, keep_mass=0.7), [[0, 3, 2], [3, 0, 0], [2, 0, 0]]
    )


@pytest.mark.parametrize("share", [0.05, 0.2, 0.75, 1.0])
def test_keep_mass_equals_a_loop_over_columns(share):
    matrix = coefficients(seed=1)
    kept = threshold(matrix.astype(np.float64), share)
    expected = (np.abs(kept) + np.abs(kept.T)) / 2
    np.testing.assert_allclose(affinity(matrix, keep_mass=share), expected, rtol=1e-6)


@pytest.mark.parametrize("rank", [1, 5, 12])
def test_low_rank_equals_a_truncated_svd(rank):
    matrix = coefficients(seed=2).astype(np.float64)
    kept = threshold(matrix, 0.4)
    left, values, _ = svds((kept + kept.T) / 2, rank, v0=np.ones(len(matrix)))
    rows = left * np.sqrt(values)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    expected = np.maximum(rows @ rows.T, 0) ** 3
    result = np.asarray(affinity(matrix, keep_mass=0.4, rank=rank, affinity_power=3.0))
    np.testing.assert_allclose(result, expected, atol=2e-6)
    np.testing.assert_allclose(np.diag(result), 1, rtol=1e-6)


def test_a_channel_without_coefficients_stays_without_affinity():
    matrix = coefficients()
    matrix[4], matrix[:, 4] = 0, 0
    for result in (affinity(matrix), affinity(matrix, keep_mass=0.3, rank=6, affinity_power=2)):
        assert np.all(np.isfinite(result))
        np.testing.assert_allclose(np.asarray(result)[4], 0, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep_mass": 0.0}, "keep_mass is 0"),
        ({"keep_mass": 1.5}, "keep_mass is 1.5"),
        ({"rank": 0}, "rank is 0"),
        ({"rank": 21}, "rank is 21 but there are only 20 channels"),
        ({"affinity_power": -1.0}, "affinity_power is -1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        affinity(coefficients(), **options)


def test_unusable_coefficients_are_refused():
    with pytest.raises(InputError, match="every coefficient is zero"):
        affinity(np.zeros((3, 3)))
    with pytest.raises(InputError, match="expected a square matrix"):
        affinity(np.zeros((3, 4)))
    with pytest.raises(InputError, match="not finite"):
        affinity(np.full((3, 3), np.inf))


def test_cosines_equal_numpy_on_the_samples():
    features = np.random.default_rng(0).standard_normal((50, 6)) + 0.5
    features[:, 4] = 0
    result = np.asarray(cosine_affinity(features.T @ features / 50))
    alive = np.delete(np.arange(6), 4)
    unit = features[:, alive] / np.linalg.norm(features[:, alive], axis=0)
    expected = np.abs(unit.T @ unit)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(result[np.ix_(alive, alive)], expected, atol=1e-6)
    np.testing.assert_array_equal(result[4], 0)
    np.testing.assert_array_equal(result[:, 4], 0)
    with pytest.raises(InputError, match="every feature is zero"):
        cosine_affinity(np.zeros((3, 3)))
