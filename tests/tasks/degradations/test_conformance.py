"""What every degradation promises."""

from functools import partial

import jax
import numpy as np
import pytest

from pmsfc_jax.core.images import to_float
from pmsfc_jax.tasks.degradations import observe
from pmsfc_jax.tasks.degradations.inverse import adjoint
from tests.tasks.degradations.cases import CASES, COUNT, HEIGHT, WIDTH, pictures

SHAPE = (HEIGHT, WIDTH, 3)
LINEAR = [name for name, case in CASES.items() if case.degradation.linear]
COMPARED = [name for name, case in CASES.items() if case.levels is not None]
CONSISTENT = [name for name, case in CASES.items() if case.consistent is not None]


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return CASES[request.param]


def _normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _apply(degradation):
    return jax.jit(degradation.operator.apply)


def test_shape_says_what_apply_gives_and_view_shows_it(case):
    operator = case.degradation.operator
    y = _apply(case.degradation)(case.operands, to_float(pictures()))
    assert y.shape == (COUNT, *operator.shape(SHAPE))
    assert operator.view(y).shape == (*y.shape[:3], 3)
    simulated = case.degradation.simulate(case.operands, pictures(), np.random.default_rng(0))
    assert simulated.shape == y.shape
    assert simulated.dtype == np.uint8


@pytest.mark.parametrize("name", LINEAR)
def test_the_adjoint_passes_the_dot_test(name):
    operator, operands = CASES[name].degradation.operator, CASES[name].operands
    x = _normal(0, COUNT, *SHAPE)
    y = _normal(1, COUNT, *operator.shape(SHAPE))
    there = np.asarray(operator.apply(operands, x), np.float64)
    back = np.asarray(adjoint(operator, operands, y, SHAPE), np.float64)
    np.testing.assert_allclose(
        (there * y).sum(axis=(1, 2, 3)), (x * back).sum(axis=(1, 2, 3)), rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("name", COMPARED)
def test_the_model_is_within_a_grey_level_of_the_truth(name):
    case = CASES[name]
    simulated = case.degradation.simulate(case.operands, pictures(), np.random.default_rng(0))
    modelled = (
        np.asarray(_apply(case.degradation)(case.operands, to_float(pictures()))) + 1
    ) * 127.5
    weights = case.degradation.operator.weights(case.operands, modelled)
    seen = 1 if weights is None else np.asarray(weights)
    # A link of a chain is rounded to grey levels, and Pillow rounds between rows and columns.
    assert np.abs(seen * (simulated - modelled)).max() <= case.levels


def test_an_image_does_not_depend_on_its_companions(case):
    apply, x = _apply(case.degradation), to_float(pictures())
    whole = np.asarray(apply(case.operands, x))
    for i in range(COUNT):
        rows = np.array([i])
        alone = apply(jax.tree.map(lambda leaf, rows=rows: leaf[rows], case.operands), x[rows])
        np.testing.assert_allclose(np.asarray(alone)[0], whole[i], atol=2e-5)


def test_other_operands_compile_nothing(case):
    traces = []

    @partial(jax.jit, static_argnames="operator")
    def apply(operator, operands, x):
        traces.append(operator.name)
        return operator.apply(operands, x)

    x = to_float(pictures())
    first = np.asarray(apply(case.degradation.operator, case.operands, x))
    second = np.asarray(apply(case.degradation.operator, case.others, x))
    assert len(traces) == 1
    on_picture = case.degradation.operator.name not in ("mask", "noise", "grey+mask")
    if jax.tree.leaves(case.operands) and on_picture:
        assert np.abs(first - second).max() > 1e-3


def test_equal_settings_are_equal_and_hash_alike():
    from pmsfc_jax.tasks import degradations as d

    pairs = [
        (d.grey(), d.grey()),
        (d.downsample((4, 4)), d.downsample((4, 4))),
        (d.jpeg(), d.jpeg("4:2:0")),
        (d.chain(d.blur(), d.noise()), d.chain(d.blur(), d.noise())),
    ]
    for a, b in pairs:
        assert a == b
        assert hash(a.operator) == hash(b.operator)
    assert d.downsample((4, 4)) != d.downsample((4, 4), "box")
    assert d.chain(d.grey(), d.noise()) != d.chain(d.noise(), d.grey())


def test_derivatives_are_finite(case):
    operator = case.degradation.operator

    def total(x):
        return operator.apply(case.operands, x).sum()

    gradient = np.asarray(jax.jit(jax.grad(total))(to_float(pictures())))
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("name", CONSISTENT)
def test_what_was_observed_is_put_back(name):
    case = CASES[name]
    operator = case.degradation.operator
    target, operands = observe(
        case.degradation, case.operands, pictures(), np.random.default_rng(0)
    )
    start = to_float(pictures(seed=5))
    finish = jax.jit(case.degradation.finish)
    finished = finish(operands, target, start)
    assert finished.shape == start.shape
    weights = operator.weights(operands, target)
    seen = 1 if weights is None else np.asarray(weights)
    residual = seen * (np.asarray(operator.apply(operands, finished)) - target)
    assert np.sqrt(np.square(residual).mean()) <= case.consistent
    # What is consistent already is not changed: here, the truth, but for the rounding of its file.
    truth = to_float(pictures())
    kept = np.asarray(finish(operands, target, truth))
    away = np.sqrt(np.square(start - truth).mean())
    assert np.sqrt(np.square(kept - truth).mean()) < 0.15 * away


def test_the_observation_of_the_simple_inverse_is_the_observation(case):
    target, operands = observe(
        case.degradation, case.operands, pictures(), np.random.default_rng(0)
    )
    dagger = jax.jit(case.degradation.dagger, static_argnums=2)
    x = np.asarray(dagger(operands, target, SHAPE))
    assert x.shape == (COUNT, *SHAPE)
    weights = case.degradation.operator.weights(operands, target)
    seen = 1 if weights is None else np.asarray(weights)
    residual = seen * (np.asarray(case.degradation.operator.apply(operands, x)) - target)
    # A JPEG of a JPEG is another one, most of all in its chroma.
    share = 0.01 if case.degradation.linear else 0.1
    assert np.square(residual).mean() < share * np.square(seen * target).mean()
