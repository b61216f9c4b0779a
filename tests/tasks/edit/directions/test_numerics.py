"""Components against scikit-learn's, boundaries against scikit-learn's and scipy's optimum."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.decomposition import PCA
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import LinearSVC

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.tasks.edit.directions import (
    closed_form,
    held_out_accuracy,
    linear_boundary,
    principal_components,
)
from pmsfc_jax.tasks.edit.directions import components as module
from pmsfc_jax.tasks.edit.directions.components import deviations_along


@pytest.mark.parametrize("shape", [(40, 7), (9, 30)])
def test_components_are_those_of_scikit_learn(shape, monkeypatch):
    """Of more rows than columns, and of fewer, whose products are summed in parts."""
    monkeypatch.setattr(module, "_COLUMNS", 8)
    rows = np.random.default_rng(0).normal(size=shape) * np.arange(1, shape[1] + 1) + 5
    ours = principal_components(rows, 4)
    theirs = PCA(4, svd_solver="full").fit(rows)
    np.testing.assert_allclose(ours.deviations**2, theirs.explained_variance_, rtol=1e-9)
    np.testing.assert_allclose(ours.shares, theirs.explained_variance_ratio_, rtol=1e-9)
    cosines = np.abs((ours.directions * theirs.components_).sum(axis=1))
    np.testing.assert_allclose(cosines, 1, rtol=1e-9)
    largest = np.abs(ours.directions).argmax(axis=1)
    assert (ours.directions[np.arange(4), largest] > 0).all()
    np.testing.assert_allclose(deviations_along(rows, ours.directions), ours.deviations, rtol=1e-9)


def test_the_closed_form_is_that_of_singular_vectors():
    weights = np.random.default_rng(1).normal(size=(20, 6))
    ours = closed_form(weights, 3)
    _, singular, right = np.linalg.svd(weights)
    np.testing.assert_allclose(ours.deviations, singular[:3], rtol=1e-9)
    np.testing.assert_allclose(np.abs((ours.directions * right[:3]).sum(axis=1)), 1, rtol=1e-9)
    np.testing.assert_allclose(ours.shares, singular[:3] ** 2 / (singular**2).sum(), rtol=1e-9)


@pytest.fixture(scope="module")
def labelled():
    """Sixty rows of five numbers, whose labels a boundary explains in part."""
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(60, 5)) + 3
    positive = rows @ [1, -1, 0.5, 0, 0] + rng.normal(size=60) > 2
    return rows, positive


def test_the_boundary_is_the_optimum(labelled):
    rows, positive = labelled
    y = np.where(positive, 1.0, -1.0)
    penalty = 0.03
    ridge = penalty * np.square(rows - rows.mean(axis=0)).sum() / len(rows)

    def loss(point):
        slack = np.maximum(0, 1 - y * (rows @ point[:5] + point[5]))
        return ridge * point[:5] @ point[:5] + slack @ slack

    best = minimize(loss, np.zeros(6), options={"gtol": 1e-10})
    ours = linear_boundary(rows, positive, penalty=penalty)
    np.testing.assert_allclose(ours.normal, best.x[:5], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours.bias, best.x[5], rtol=1e-4)
    np.testing.assert_allclose(ours.side(rows), rows @ ours.normal + ours.bias)


def test_with_more_numbers_than_rows_it_is_that_of_scikit_learn():
    """Which penalises the bias, too, as that of a constant column: a long one hardly."""
    rng = np.random.default_rng(3)
    rows, positive = rng.normal(size=(24, 100)), np.arange(24) % 2 == 0
    ridge = 1e-2 * np.square(rows - rows.mean(axis=0)).sum() / len(rows)
    theirs = LinearSVC(C=0.5 / ridge, intercept_scaling=1e3, tol=1e-10, max_iter=10**6, dual=True)
    theirs.fit(rows, positive)
    ours = linear_boundary(rows, positive)
    np.testing.assert_allclose(ours.normal, theirs.coef_[0], atol=2e-3 * np.abs(ours.normal).max())
    assert ((ours.side(rows) > 0) == positive).all()


def test_accuracy_is_of_rows_that_were_not_seen(labelled):
    rows, positive = labelled
    ours = held_out_accuracy(rows, positive)
    ridge = 1e-2 * np.square(rows - rows.mean(axis=0)).sum() / len(rows)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    svm = LinearSVC(C=0.5 / ridge, intercept_scaling=1e3, tol=1e-8, max_iter=10**6)
    theirs = balanced_accuracy_score(positive, cross_val_predict(svm, rows, positive, cv=folds))
    assert abs(ours - theirs) < 0.07  # folds are dealt differently
    noise = np.random.default_rng(0).normal(size=(60, 200))
    assert held_out_accuracy(noise, positive) < 0.75
    assert np.isnan(held_out_accuracy(rows[:5], np.arange(5) == 0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: principal_components(np.ones((1, 3)), 1), "two samples or more"),
        (lambda: principal_components(np.eye(4), 4), "at most 3 principal components, not 4"),
        (lambda: closed_form(np.eye(3), 4), "3 numbers have at most as many directions, not 4"),
        (lambda: linear_boundary(np.eye(3), np.ones(3)), "all labels are the same"),
        (lambda: linear_boundary(np.eye(3), np.ones(2)), "3 rows and 2 labels"),
        (lambda: linear_boundary(np.ones((2, 3)), np.array([1, 0])), "the same features"),
    ],
)
def test_mistakes_are_one_plain_sentence(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
