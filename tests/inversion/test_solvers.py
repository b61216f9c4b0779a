"""The solvers on problems whose answers numpy and scipy know."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from pmsfc_jax.inversion.compose import Codes
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.objective import Term
from pmsfc_jax.inversion.problem import Objective, evaluate, value_and_gradient
from pmsfc_jax.inversion.solvers import SOLVERS, solver_of
from pmsfc_jax.inversion.solvers.curvature import conjugate_gradients, push_forward, quadratic
from pmsfc_jax.inversion.solvers.lbfgs import no_pairs, two_loops, with_pair
from pmsfc_jax.inversion.solvers.levenberg_marquardt import adapted
from pmsfc_jax.inversion.solvers.per_image import dot

B, R, K, D, C, M = 3, 2, 2, 2, 3, 40
WIDE = jax.enable_x64


def toy(count=B, seed=0, bend=0.0):
    """Predictions ``A z + B w + bend tanh(w)`` with every image's own matrices, in float64."""
    rng = np.random.default_rng(seed)
    of_z = jnp.asarray(rng.normal(size=(B, M, R * K * D))[:count])
    of_w = jnp.asarray(rng.normal(size=(B, M, R * K * C))[:count])
    target = jnp.asarray(rng.normal(size=(B, M))[:count] * np.array([1.0, 5.0, 0.2])[:count, None])

    def features(z):
        value = jnp.einsum("bmp,bp->bm", of_z, z.reshape(z.shape[0], -1))
        return value.reshape(-1, 1, 1, 1, 1, M)

    def predict(features, codes):
        w = codes.w.reshape(codes.w.shape[0], -1)
        value = features[:, 0, 0, 0, 0] + jnp.einsum("bmp,bp->bm", of_w, w)
        value = value + bend * jnp.einsum("bmp,bp->bm", jnp.abs(of_w), jnp.tanh(w))
        return (value,), jnp.zeros(value.shape[:1], jnp.int32)

    objective = Objective(features, predict, (Term("pixel", 1.0, "l2", target),))
    z = rng.normal(size=(B, R, K, D))[:count]
    codes = Codes(jnp.asarray(z), jnp.asarray(rng.normal(size=(B, R, K, C))[:count]))
    matrix = np.concatenate([np.asarray(of_z), np.asarray(of_w)], axis=2)
    return objective, codes, matrix, np.asarray(target)


def trace(config, objective, codes, num_steps):
    """All steps' losses ``[n, b]`` and the last step."""
    solver = solver_of(config)
    step = jax.jit(lambda codes, memory: solver.step(objective, codes, memory))
    done, losses = None, []
    memory = solver.init(codes)
    for _ in range(num_steps):
        done = step(codes, memory)
        codes, memory = done.codes, done.memory
        losses.append(np.asarray(done.info.loss))
    return np.array(losses), done


def least_squares(matrix, target):
    """The smallest mean square of each image."""
    return np.array([
        np.mean((a @ np.linalg.lstsq(a, y, rcond=None)[0] - y) ** 2)
        for a, y in zip(matrix, target, strict=True)
    ])  # fmt: skip


def settings(optimiser, **fields):
    return InversionConfig("mganprior", 0, optimiser=optimiser, **fields)


def test_every_name_has_its_solver():
    assert set(SOLVERS) == set(InversionConfig.__annotations__["optimiser"].__args__)


def test_gradient_of_the_toy_is_that_of_least_squares():
    with WIDE(True):
        objective, codes, matrix, target = toy()
        info, gradient = value_and_gradient(objective, codes)
    x = np.concatenate([np.asarray(leaf).reshape(B, -1) for leaf in codes], axis=1)
    residual = np.einsum("bmp,bp->bm", matrix, x) - target
    np.testing.assert_allclose(info.loss, (residual**2).mean(axis=1), rtol=1e-10)
    expected = 2 / M * np.einsum("bmp,bm->bp", matrix, residual)
    ours = np.concatenate([np.asarray(leaf).reshape(B, -1) for leaf in gradient], axis=1)
    np.testing.assert_allclose(ours, expected, rtol=1e-10)


def test_conjugate_gradients_solve_each_system():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(B, 6, 4))
    a = np.einsum("bij,bik->bjk", a, a)
    right, damping = rng.normal(size=(B, 4)), rng.uniform(0.1, 2.0, size=(B, 4))
    with WIDE(True):
        ours = conjugate_gradients(
            lambda v: jnp.einsum("bij,bj->bi", a, v), jnp.asarray(right), jnp.asarray(damping), 6
        )
    for i in range(B):
        expected = np.linalg.solve(a[i] + np.diag(damping[i]), right[i])
        np.testing.assert_allclose(ours[i], expected, rtol=1e-8)


def test_pulling_back_twice_is_forward_mode():
    with WIDE(True):
        x, v = np.random.default_rng(0).normal(size=(2, 2, 5))

        def predict(x):
            return (jnp.tanh(x) @ jnp.ones((5, 3)) + x[:, :3] ** 2, jnp.sin(x))

        values, pull = jax.vjp(predict, jnp.asarray(x))
        ours = push_forward(pull, values)(jnp.asarray(v))
        expected = jax.jvp(predict, (jnp.asarray(x),), (jnp.asarray(v),))[1]
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_curvature_of_linear_predictions_is_the_hessian():
    with WIDE(True):
        objective, codes, matrix, _ = toy()
        model = quadratic(objective, lambda c: objective.predict(objective.features(c.z), c), codes)
        rng = np.random.default_rng(1)
        direction = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape)), codes)
        product = model.product(direction)
    flat = np.concatenate([np.asarray(leaf).reshape(B, -1) for leaf in direction], axis=1)
    ours = np.concatenate([np.asarray(leaf).reshape(B, -1) for leaf in product], axis=1)
    for i in range(B):
        expected = 2 / M * matrix[i].T @ matrix[i] @ flat[i]
        np.testing.assert_allclose(ours[i], expected, rtol=1e-10)


def test_two_loops_equal_the_dense_bfgs_inverse():
    rng = np.random.default_rng(0)
    n, pairs = 6, 3
    steps = rng.normal(size=(1, pairs + 1, n))  # the oldest is written over
    changes = steps * rng.uniform(0.5, 2.0, size=n) + 0.05 * rng.normal(size=steps.shape)
    inner = (steps * changes).sum(-1)
    assert (inner > 0).all()
    scale = inner[0, 0] / (changes[0, 0] ** 2).sum()
    inverse = scale * np.eye(n)
    for s, y in reversed(list(zip(steps[0, :3], changes[0, :3], strict=True))):  # oldest first
        rho = 1 / (s @ y)
        v = np.eye(n) - rho * np.outer(y, s)
        inverse = v.T @ inverse @ v + rho * np.outer(s, s)
    gradient = rng.normal(size=(1, n))
    with WIDE(True):
        pairs = no_pairs(Codes(jnp.zeros((1, 2)), jnp.zeros((1, 4))), pairs + 1)
        skipped = Codes(jnp.ones((1, 2)), jnp.ones((1, 4)))
        for s, y in reversed(list(zip(steps[0], changes[0], strict=True))):
            step, change = (
                Codes(jnp.asarray(x[None, :2]), jnp.asarray(x[None, 2:])) for x in (s, y)
            )
            # Slots that are written over, and one that holds no pair, in between.
            pairs = with_pair(pairs, step, change, jnp.array([True]))
        pairs = with_pair(pairs, skipped, skipped, jnp.array([False]))
        ours = two_loops(Codes(*np.split(gradient, [2], axis=1)), pairs)
    flat = np.concatenate([np.asarray(leaf) for leaf in ours], axis=1)
    np.testing.assert_allclose(flat[0], inverse @ gradient[0], rtol=1e-9)


def test_lbfgs_reaches_least_squares():
    with WIDE(True):
        objective, codes, matrix, target = toy()
        losses, _ = trace(settings("lbfgs"), objective, codes, 120)
    exact = least_squares(matrix, target)
    np.testing.assert_allclose(losses.min(axis=0), exact, rtol=1e-6)
    assert (losses[0] > 2 * exact).all()


def test_lbfgs_keeps_the_newest_pairs():
    with WIDE(True):
        objective, codes, _, _ = toy()
        config = settings("lbfgs", history=3, num_steps=9)
        solver = solver_of(config)
        step = jax.jit(lambda codes, memory: solver.step(objective, codes, memory))
        memory, now, points = solver.init(codes), codes, []
        for _ in range(9):
            done = step(now, memory)
            now, memory = done.codes, done.memory
            if not points or np.any(memory.base.w[0] != points[-1]):
                points.append(np.asarray(memory.base.w[0]))
        short = solver_of(settings("lbfgs", history=40, num_steps=7)).init(codes)
    assert memory.pairs.steps.w.shape == (B, 3, R, K, C)
    assert short.pairs.inner.shape == (B, 7)
    taken = np.asarray(memory.pairs.inner[0]) > 0
    assert taken.any()
    differences = {tuple(np.round((b - a).ravel(), 9)) for a, b in itertools.pairwise(points)}
    for slot in np.flatnonzero(taken):
        assert tuple(np.round(np.asarray(memory.pairs.steps.w[0, slot]).ravel(), 9)) in differences


def test_points_taken_by_lbfgs_never_rise_and_reach_scipys():
    """On a curved problem: monotone, and as low as scipy's L-BFGS from the same start."""
    with WIDE(True):
        objective, codes, _, _ = toy(bend=2.0)
        solver = solver_of(settings("lbfgs"))
        step = jax.jit(lambda codes, memory: solver.step(objective, codes, memory))
        memory, taken = solver.init(codes), []
        now = codes
        for _ in range(200):
            done = step(now, memory)
            now, memory = done.codes, done.memory
            taken.append(np.asarray(memory.info.loss))
        taken = np.array(taken)
        assert (np.diff(taken, axis=0) <= 0).all()
        shapes = [leaf.shape[1:] for leaf in codes]

        def loss_of(i):
            def value(x):
                z, w = (
                    jnp.asarray(part).reshape(1, *shape)
                    for part, shape in zip(np.split(x, [R * K * D]), shapes, strict=True)
                )
                whole = Codes(codes.z.at[i].set(z[0]), codes.w.at[i].set(w[0]))
                return float(compiled(whole)[i])

            return value

        compiled = jax.jit(lambda c: evaluate(objective, c).loss)
        for i in range(B):
            x0 = np.concatenate([np.asarray(leaf[i]).ravel() for leaf in codes])
            value = loss_of(i)
            theirs = scipy.optimize.minimize(value, x0, method="L-BFGS-B")
            assert taken[-1, i] <= theirs.fun * 1.05 + 1e-6


def test_levenberg_marquardt_solves_a_linear_problem_at_once():
    """With little damping and as many conjugate gradients as numbers, one step is the answer."""
    with WIDE(True):
        objective, codes, matrix, target = toy()
        config = settings("levenberg_marquardt", damping=1e-9, inner_steps=60)
        losses, _ = trace(config, objective, codes, 2)
    exact = least_squares(matrix, target)
    np.testing.assert_allclose(losses[1], exact, rtol=1e-3, atol=1e-9)
    assert (losses[0] > 2 * exact).all()


def test_damping_follows_the_model():
    ours = adapted(jnp.ones(5), jnp.array([1.0, 0.5, 0.0, -3.0, jnp.nan]))
    np.testing.assert_allclose(ours, [1 / 3, 1, 2, 4, 4], rtol=1e-6)


def test_a_rejected_step_leaves_the_point_and_raises_the_damping():
    with WIDE(True):
        objective, codes, _, _ = toy(bend=2.0)
        solver = solver_of(settings("levenberg_marquardt"))
        step = jax.jit(lambda codes, memory: solver.step(objective, codes, memory))
        first = step(codes, solver.init(codes))
        worse = jax.tree.map(lambda x: x + 10, codes)
        second = step(worse, first.memory)
    np.testing.assert_array_equal(second.memory.base.z, codes.z)
    np.testing.assert_array_equal(second.memory.info.loss, first.memory.info.loss)
    assert (np.asarray(second.memory.damping) > np.asarray(first.memory.damping)).all()


def test_variable_projection_solves_for_the_weights():
    """Weights after one step are those of lstsq at the codes before it; codes move by Adam."""
    with WIDE(True):
        objective, codes, matrix, target = toy()
        config = settings("variable_projection", damping=1e-9, inner_steps=60, learning_rate=0.01)
        losses, done = trace(config, objective, codes, 1)
    split = R * K * D
    for i in range(B):
        rest = target[i] - matrix[i][:, :split] @ np.asarray(codes.z[i]).ravel()
        w, *_ = np.linalg.lstsq(matrix[i][:, split:], rest, rcond=None)
        np.testing.assert_allclose(np.asarray(done.evaluated.w[i]).ravel(), w, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(
            losses[0, i], np.mean((matrix[i][:, split:] @ w - rest) ** 2), rtol=1e-5
        )
    moved = np.abs(np.asarray(done.codes.z - codes.z))
    np.testing.assert_allclose(moved, 0.01, rtol=1e-3)


@pytest.mark.parametrize("optimiser", list(SOLVERS))
def test_an_image_does_not_feel_its_companions(optimiser):
    """The first image alone, and beside two that are on other scales."""
    config = settings(optimiser, num_steps=12, learning_rate=0.02)
    with WIDE(True):
        objective, codes, _, _ = toy(bend=1.0)
        together, beside = trace(config, objective, codes, 12)
        objective, codes, _, _ = toy(1, bend=1.0)
        alone, single = trace(config, objective, codes, 12)
    np.testing.assert_allclose(alone[:, 0], together[:, 0], rtol=1e-7)
    np.testing.assert_allclose(single.codes.w[0], beside.codes.w[0], rtol=1e-6, atol=1e-9)
    assert together[-1, 0] < together[0, 0]


def test_separate_rates_move_codes_and_weights_differently():
    with WIDE(True):
        objective, codes, _, _ = toy()
        config = settings("adam", num_steps=5, learning_rate=0.01, weight_learning_rate=0.2)
        _, done = trace(config, objective, codes, 1)
    for ours, before, rate in zip(done.codes, codes, (0.01, 0.2), strict=True):
        np.testing.assert_allclose(np.abs(np.asarray(ours - before)), rate, rtol=1e-4)


def test_products_of_each_image_are_its_own():
    a = {"x": jnp.arange(6.0).reshape(2, 3), "y": jnp.ones((2, 2, 2))}
    np.testing.assert_allclose(dot(a, a), [0 + 1 + 4 + 4, 9 + 16 + 25 + 4])
