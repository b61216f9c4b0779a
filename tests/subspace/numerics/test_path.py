import numpy as np
import pytest
from sklearn.linear_model import lasso_path

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import choose_mu, residual, self_expression
from tests.subspace.synthetic import gram_of, union_of_subspaces


@pytest.fixture(scope="module")
def grams():
    features, _ = union_of_subspaces((10, 8, 6), 3, noise=0.3, num_rows=2060)
    return gram_of(features[:60]), gram_of(features[60:])


@pytest.mark.parametrize("method", ["ridge", "lasso", "elastic_net"])
def test_a_path_is_its_solutions(grams, method):
    path = choose_mu(*grams, method=method, num=5, smallest=1e-3)
    assert path.converged.all()
    np.testing.assert_allclose(path.mu[0] * 1e-3, path.mu[-1])
    for i in (1, 4):
        alone = self_expression(grams[0], method=method, mu=path.mu[i])
        assert path.residual[i] == pytest.approx(alone.residual, rel=1e-3)
        assert path.off_diagonal_norm[i] == pytest.approx(alone.off_diagonal_norm, rel=1e-2)
        held_out = residual(grams[1], alone.coefficients)
        assert path.held_out_residual[i] == pytest.approx(held_out, rel=1e-3)
    assert (np.diff(path.residual) < 0).all()
    if method == "lasso":
        assert path.sparsity[0] == 1
        assert path.sparsity[-1] < 0.5


def test_the_choice_is_the_largest_penalty_that_is_nearly_best(grams):
    path = choose_mu(*grams, method="lasso", slack=0.05)
    best = path.held_out_residual.min()
    at = int(np.flatnonzero(path.mu == path.chosen)[0])
    assert path.held_out_residual[at] <= 1.05 * best
    assert (path.held_out_residual[:at] > 1.05 * best).all()
    exact = choose_mu(*grams, method="lasso", slack=0.0)
    assert exact.chosen == path.mu[path.held_out_residual.argmin()]
    assert path.chosen > exact.chosen > path.mu[-1]


def test_the_path_of_one_channel_is_that_of_scikit_learn():
    features, _ = union_of_subspaces((6, 5), 2, noise=0.2, num_rows=300)
    gram = gram_of(features)
    path = choose_mu(gram, gram, method="lasso", num=4, smallest=1e-2)
    # Both residuals are of the same matrix here, and follow from scikit-learn's coefficients.
    coefficients = np.zeros((4, 11, 11))
    for column in range(11):
        others = np.delete(np.arange(11), column)
        _, values, _ = lasso_path(
            features[:, others], features[:, column], alphas=path.mu / 2, tol=1e-9
        )
        coefficients[:, others, column] = values.T
    expected = [residual(gram, c) for c in coefficients]
    np.testing.assert_allclose(path.residual, expected, rtol=1e-2)
    np.testing.assert_allclose(path.held_out_residual, path.residual)


def test_unusable_options_are_refused(grams):
    with pytest.raises(InputError, match="expected the same channels"):
        choose_mu(grams[0], grams[1][:5, :5])
    for wrong in ({"num": 1}, {"smallest": 0.0}, {"smallest": 1.0}, {"slack": -0.1}):
        with pytest.raises(InputError, match="num"):
            choose_mu(*grams, **wrong)
    with pytest.raises(InputError, match="unknown method"):
        choose_mu(*grams, method="lars")
