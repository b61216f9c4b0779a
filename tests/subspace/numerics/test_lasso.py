"""The L1 methods against scikit-learn's coordinate descent, column by column."""

import time

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, Lasso

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import affinity, self_expression
from pmsfc_jax.subspace.numerics.self_expression import solve
from pmsfc_jax.subspace.numerics.solvers import TOLERANCE
from tests.subspace.synthetic import gram_of, union_of_subspaces


def never_negative(size: int, num_rows: int = 400, seed: int = 0) -> np.ndarray:
    """Features ``[num_rows, size]`` as behind a ReLU: correlated, with one large common mean."""
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((num_rows, size // 4)) @ rng.standard_normal((size // 4, size))
    return np.maximum(mixed / 2 + rng.standard_normal((num_rows, size)), 0)


def lambda_max(gram: np.ndarray) -> float:
    return 2 * np.abs(gram - np.diag(np.diag(gram))).max()


def by_columns(model, features: np.ndarray) -> np.ndarray:
    """The same problem solved by scikit-learn one channel at a time."""
    size = features.shape[1]
    coefficients = np.zeros((size, size))
    for column in range(size):
        others = np.delete(np.arange(size), column)
        model.fit(features[:, others], features[:, column])
        coefficients[others, column] = model.coef_
    return coefficients


def by_columns_lasso(features: np.ndarray, mu: float) -> np.ndarray:
    """`by_columns` of equation 4."""
    model = Lasso(alpha=mu / 2, fit_intercept=False, tol=1e-10, max_iter=100_000)
    return by_columns(model, features)


@pytest.mark.parametrize("share", [0.3, 0.03, 0.003])
def test_lasso_equals_scikit_learn(share):
    features = never_negative(64)
    gram = gram_of(features)
    mu = share * lambda_max(gram)
    expected = by_columns_lasso(features, mu)
    result = self_expression(gram, method="lasso", mu=mu, tolerance=1e-8)
    assert result.converged
    assert result.advice == ""
    np.testing.assert_allclose(result.coefficients, expected, atol=1e-4)
    np.testing.assert_array_equal(np.diag(result.coefficients), 0)
    zeros = np.mean(expected[~np.eye(64, dtype=bool)] == 0)
    assert result.sparsity == pytest.approx(zeros, abs=0.01)


def test_elastic_net_equals_scikit_learn():
    features = never_negative(64, seed=1)
    gram = gram_of(features)
    mu = 0.05 * lambda_max(gram)
    # Half of mu on each norm: alpha * l1_ratio = mu / 4 and alpha * (1 - l1_ratio) = mu / 2.
    model = ElasticNet(
        alpha=0.75 * mu, l1_ratio=1 / 3, fit_intercept=False, tol=1e-10, max_iter=100_000
    )
    result = self_expression(gram, method="elastic_net", mu=mu, tolerance=1e-8)
    np.testing.assert_allclose(result.coefficients, by_columns(model, features), atol=1e-4)


@pytest.mark.slow
def test_lasso_of_512_channels_is_optimal_within_seconds():
    gram = gram_of(never_negative(512, num_rows=4000))
    for share in (0.1, 0.01):
        began = time.perf_counter()
        result = self_expression(gram, method="lasso", mu=share * lambda_max(gram))
        seconds = time.perf_counter() - began
        s = np.asarray(result.coefficients, np.float64)
        gradient = 2 * (gram @ s - gram)
        violation = np.where(
            s != 0,
            np.abs(gradient + result.mu * np.sign(s)),
            np.maximum(np.abs(gradient) - result.mu, 0),
        )
        np.fill_diagonal(violation, 0)
        assert violation.max() / lambda_max(gram) <= 1.01 * TOLERANCE
        assert seconds < 60  # 1 to 4 on two idle cores; a bound against a hang, not a benchmark


def test_the_kkt_residual_is_that_of_the_samples():
    features = never_negative(24)
    gram = gram_of(features)
    mu = 0.1 * lambda_max(gram)
    result = self_expression(gram, method="lasso", mu=mu, tolerance=0.05)
    s = np.asarray(result.coefficients, np.float64)
    gradient = 2 * features.T @ (features @ s - features) / len(features)
    violation = np.where(
        s != 0, np.abs(gradient + mu * np.sign(s)), np.maximum(np.abs(gradient) - mu, 0)
    )
    np.fill_diagonal(violation, 0)
    assert result.kkt_residual == pytest.approx(violation.max() / lambda_max(gram), rel=1e-3)


def test_a_solver_that_gives_up_says_so():
    gram = gram_of(never_negative(32))
    result = self_expression(
        gram, method="lasso", mu=1e-3 * lambda_max(gram), tolerance=1e-9, max_iterations=10
    )
    assert not result.converged
    assert result.iterations == 10
    assert "give more max_iterations" in result.advice


def test_a_penalty_that_allows_nothing():
    gram = gram_of(never_negative(16))
    result = self_expression(gram, method="lasso", mu=1.001 * lambda_max(gram))
    assert result.sparsity == 1
    assert result.residual == 1
    with pytest.raises(InputError, match="every coefficient is zero"):
        affinity(result.coefficients)


def test_dead_and_doubled_channels():
    features = never_negative(12)
    features[:, 3] = 0
    features[:, 7] = features[:, 2]
    result = self_expression(gram_of(features), method="lasso")
    s = np.asarray(result.coefficients)
    assert result.converged
    np.testing.assert_array_equal(s[3], 0)
    np.testing.assert_array_equal(s[:, 3], 0)
    assert s[7, 2] > 0.5
    assert s[2, 7] > 0.5


@pytest.mark.parametrize("method", ["lasso", "elastic_net"])
def test_the_scale_of_the_features_changes_nothing(method):
    gram = gram_of(union_of_subspaces((9, 8), 3, noise=0.1)[0])
    one, other = (self_expression(scale * gram, method=method) for scale in (1.0, 1e8))
    np.testing.assert_allclose(one.coefficients, other.coefficients, atol=1e-6)
    assert other.mu == pytest.approx(1e8 * one.mu)


def test_a_warm_start_saves_iterations():
    gram = gram_of(never_negative(64))
    mu = 0.3 * lambda_max(gram)
    cold = solve(gram, "lasso", mu, tolerance=1e-8)
    near = solve(gram, "lasso", 1.05 * mu, tolerance=1e-8)
    warm = solve(gram, "lasso", mu, tolerance=1e-8, start=near.state)
    assert warm.result.converged
    assert warm.result.iterations < cold.result.iterations


def test_unusable_options_are_refused():
    gram = gram_of(never_negative(8))
    for tolerance in (0.0, 1.0, float("nan")):
        with pytest.raises(InputError, match="tolerance is"):
            self_expression(gram, method="lasso", tolerance=tolerance)
    with pytest.raises(InputError, match="max_iterations"):
        self_expression(gram, method="lasso", max_iterations=0)
