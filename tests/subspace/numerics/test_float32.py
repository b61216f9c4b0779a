"""The solvers in float32 against float64, with the tolerances that are promised."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import choose_mu, self_expression
from pmsfc_jax.subspace.numerics.precision import arithmetic
from tests.subspace.numerics.test_lasso import by_columns_lasso, lambda_max, never_negative
from tests.subspace.numerics.test_self_expression import ill_conditioned_gram
from tests.subspace.synthetic import constrained_ridge, gram_of, relative_error


@pytest.mark.parametrize("relative_mu", [None, 1e-2, 1e-4])
def test_ridge_equals_the_constrained_normal_equations(relative_mu):
    gram = gram_of(never_negative(96)).astype(np.float32)
    mu = None if relative_mu is None else relative_mu * float(np.trace(gram)) / 96
    result = self_expression(jnp.asarray(gram), mu=mu, precision="float32")
    assert result.coefficients.dtype == jnp.float32
    assert result.converged
    assert relative_error(result.coefficients, constrained_ridge(gram, result.mu)) < 1e-4
    np.testing.assert_array_equal(np.diag(result.coefficients), 0)


@pytest.mark.parametrize("size", [96, 512])
def test_the_default_penalty_keeps_that_where_the_matrix_is_ill_conditioned(size):
    gram = ill_conditioned_gram(size).astype(np.float32)
    result = self_expression(gram, precision="float32")
    inverse = np.linalg.inv(gram.astype(np.float64) + result.mu * np.eye(size))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    assert relative_error(result.coefficients, expected) < 1e-4


@pytest.mark.parametrize("share", [0.3, 0.03])
def test_lasso_equals_scikit_learn(share):
    features = never_negative(64)
    gram = gram_of(features)
    mu = share * lambda_max(gram)
    result = self_expression(gram, method="lasso", mu=mu, tolerance=1e-5, precision="float32")
    assert result.converged
    np.testing.assert_allclose(result.coefficients, by_columns_lasso(features, mu), atol=1e-4)


def test_the_measurements_are_taken_in_float64():
    gram = gram_of(never_negative(48))
    for method in ("ridge", "lasso", "elastic_net"):
        result = self_expression(gram, method=method, precision="float32")
        again = self_expression(gram, method=method)
        s = np.asarray(result.coefficients, np.float64)
        error = np.eye(48) - s
        exact = np.trace(error.T @ gram @ error) / np.trace(gram)
        assert result.residual == pytest.approx(exact, rel=1e-12)
        assert result.mu == again.mu
        assert result.residual == pytest.approx(again.residual, rel=1e-3)


def test_a_tolerance_beyond_float32_advises_float64():
    gram = gram_of(never_negative(32))
    options = {"method": "lasso", "tolerance": 1e-12, "max_iterations": 300}
    result = self_expression(gram, precision="float32", **options)
    assert not result.converged
    assert result.advice.endswith("or precision='float64'")


def test_a_path_of_penalties_in_float32():
    gram, held_out = (gram_of(never_negative(24, seed=0)[rows::2]) for rows in range(2))
    one, other = (
        choose_mu(gram, held_out, method="lasso", num=4, smallest=1e-2, precision=precision)
        for precision in ("float64", "float32")
    )
    assert one.chosen == other.chosen
    np.testing.assert_allclose(one.held_out_residual, other.held_out_residual, rtol=1e-3)


def test_float32_is_used_even_where_float64_is_enabled():
    with jax.enable_x64(True):
        with arithmetic("float32") as array:
            assert array(1).dtype == jnp.float32
        result = self_expression(
            gram_of(never_negative(16)), method="lasso", precision="float32", tolerance=1e-3
        )
    assert result.converged


def test_an_unknown_precision_is_refused():
    with pytest.raises(InputError, match="unknown precision 'bfloat16': choose float64 or float32"):
        self_expression(gram_of(never_negative(16)), precision="bfloat16")


def test_a_singular_matrix_without_penalty_asks_for_one():
    singular = np.array([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]])
    with pytest.raises(InputError, match=r"cannot be inverted in float32 with mu=0: give a larger"):
        self_expression(singular, mu=0.0, precision="float32")


@pytest.mark.slow
def test_lasso_of_512_channels_is_optimal():
    gram = gram_of(never_negative(512, num_rows=4000))
    for share in (0.1, 0.01):
        mu = share * lambda_max(gram)
        result = self_expression(gram, method="lasso", mu=mu, precision="float32")
        s = np.asarray(result.coefficients, np.float64)
        gradient = 2 * (gram @ s - gram)
        violation = np.where(
            s != 0, np.abs(gradient + mu * np.sign(s)), np.maximum(np.abs(gradient) - mu, 0)
        )
        np.fill_diagonal(violation, 0)
        assert violation.max() / lambda_max(gram) <= 1e-4
