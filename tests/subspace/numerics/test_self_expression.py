import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Ridge

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import residual, self_expression
from pmsfc_jax.subspace.numerics.self_expression import _jitted_ridge
from tests.subspace.synthetic import constrained_ridge, gram_of, relative_error, union_of_subspaces


def ill_conditioned_gram(size: int, seed: int = 0) -> np.ndarray:
    """Never-negative channels with one large mean and eigenvalues down to 1e-7 of the largest."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((size, size)))[0]
    gram = (basis * np.logspace(0, -5, size)) @ basis.T
    return gram + 100 * np.outer(*[rng.uniform(0.5, 1.5, size) / np.sqrt(size)] * 2)


@pytest.mark.parametrize("relative_mu", [None, 1e-2, 1e-4, 1e-6])
def test_ridge_in_float32_equals_the_constrained_normal_equations(relative_mu):
    gram = ill_conditioned_gram(96).astype(np.float32)
    mu = None if relative_mu is None else relative_mu * float(np.trace(gram)) / 96
    result = self_expression(jnp.asarray(gram), mu=mu)
    assert result.coefficients.dtype == jnp.float32
    assert relative_error(result.coefficients, constrained_ridge(gram, result.mu)) < 1e-6
    np.testing.assert_array_equal(np.diag(result.coefficients), 0)


@pytest.mark.parametrize("relative_mu", [None, 1e-2, 1e-4])
def test_ridge_in_float64_equals_the_constrained_normal_equations(relative_mu):
    gram = ill_conditioned_gram(96)
    mu = None if relative_mu is None else relative_mu * float(np.trace(gram)) / 96
    with jax.enable_x64(True):
        result = self_expression(jnp.asarray(gram), mu=mu)
        assert result.coefficients.dtype == jnp.float64
        error = relative_error(result.coefficients, constrained_ridge(gram, result.mu))
    assert error < 1e-10


def test_ridge_equals_scikit_learn_on_the_samples():
    features, _ = union_of_subspaces((6, 5), 3, noise=0.2, num_rows=400)
    mu = 0.05
    coefficients = np.asarray(self_expression(gram_of(features), mu=mu).coefficients)
    for column in range(features.shape[1]):
        others = np.delete(np.arange(features.shape[1]), column)
        model = Ridge(alpha=mu * len(features), fit_intercept=False)
        model.fit(features[:, others], features[:, column])
        np.testing.assert_allclose(coefficients[others, column], model.coef_, atol=2e-6)


def test_the_residual_is_that_of_the_samples_and_falls_with_mu():
    train, _ = union_of_subspaces((8, 7, 5), 3, noise=0.1)
    fresh, _ = union_of_subspaces((8, 7, 5), 3, noise=0.1, num_rows=500)
    residuals = []
    for mu in (1.0, 0.1, 0.01, 0.0):
        result = self_expression(gram_of(train), mu=mu)
        coefficients = np.asarray(result.coefficients, np.float64)
        for features, value in (
            (train, result.residual),
            (fresh, residual(gram_of(fresh), result.coefficients)),
        ):
            error = features - features @ coefficients
            expected = np.sum(error**2) / np.sum(features**2)
            assert value == pytest.approx(expected, rel=1e-5)
        assert result.off_diagonal_norm == pytest.approx(np.linalg.norm(coefficients), rel=1e-6)
        residuals.append(result.residual)
    assert residuals == sorted(residuals, reverse=True)


def test_the_default_mu_scales_with_the_features():
    features, _ = union_of_subspaces((8, 7), 3, noise=0.1)
    gram = gram_of(features)
    small, large = self_expression(gram), self_expression(gram * 1e6)
    assert small.mu == pytest.approx(0.1 * np.trace(gram) / 15)
    np.testing.assert_allclose(small.coefficients, large.coefficients, atol=1e-6)
    assert small.method == "ridge"


def test_a_channel_that_is_always_zero_is_expressed_by_nothing():
    features, _ = union_of_subspaces((5, 5), 2, noise=0.1)
    features[:, 3] = 0
    coefficients = np.asarray(self_expression(gram_of(features)).coefficients)
    assert np.all(np.isfinite(coefficients))
    np.testing.assert_array_equal(coefficients[3], 0)
    np.testing.assert_array_equal(coefficients[:, 3], 0)


def test_a_path_of_penalties_is_one_trace_in_float32():
    gram = gram_of(union_of_subspaces((10, 7), 3, noise=0.1)[0])
    before = _jitted_ridge._cache_size()
    for mu in (None, 0.3, 0.1, 1):
        self_expression(gram, mu=mu, precision="float32")
    assert _jitted_ridge._cache_size() == before + 1


def with_entry(matrix: np.ndarray, index: tuple[int, int], value: float) -> np.ndarray:
    changed = matrix.copy()
    changed[index] = value
    return changed


GOOD = gram_of(union_of_subspaces((4, 4), 2)[0])


@pytest.mark.parametrize(
    ("gram", "message"),
    [
        (GOOD[:5], r"shape \(5, 8\): expected a square matrix"),
        (GOOD[0], r"shape \(8,\): expected a square matrix"),
        (GOOD[:1, :1], "at least two channels"),
        (with_entry(GOOD, (1, 2), np.nan), "1 entries that are not finite"),
        (with_entry(GOOD, (0, 0), np.inf), "not finite"),
        (with_entry(GOOD, (1, 2), 50.0), "not symmetric"),
        (with_entry(GOOD, (1, 1), -1.0), "negative entry on its diagonal"),
        (np.zeros((4, 4)), "every feature is zero"),
        (np.outer([1.0, 2, -3], [1.0, 2, -3]), "features are constant"),
    ],
)
def test_an_unusable_gram_matrix_is_refused(gram, message):
    with pytest.raises(InputError, match=message):
        self_expression(gram)
    with pytest.raises(InputError, match=message):
        residual(gram, np.zeros((8, 8)))


def test_unusable_options_are_refused():
    with pytest.raises(InputError, match=r"unknown method 'lars': choose one of ridge"):
        self_expression(GOOD, method="lars")
    for mu in (-1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="give a number of at least 0"):
            self_expression(GOOD, mu=mu)
    with pytest.raises(InputError, match="expected the same channels in both"):
        residual(GOOD, np.zeros((4, 4)))
    with pytest.raises(InputError, match="not finite"):
        residual(GOOD, np.full((8, 8), np.nan))


def test_a_singular_matrix_without_penalty_asks_for_one():
    singular = np.array([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]])
    with pytest.raises(InputError, match="give a larger mu, or none to use the default"):
        self_expression(singular, mu=0.0)
    assert self_expression(singular).coefficients[0, 1] == pytest.approx(1 / 1.1, rel=1e-6)
