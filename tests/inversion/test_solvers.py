"""The solvers on problems whose answers numpy and scipy know."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from pmsfc_jax.inversion.codes import Codes, flatten, unflatten
from pmsfc_jax.inversion.compose import Heads
from pmsfc_jax.inversion.misfit import Misfit, evaluate, value_and_gradient
from pmsfc_jax.inversion.solvers import SOLVERS, solver_settings
from pmsfc_jax.inversion.solvers.curvature import conjugate_gradients, push_forward, quadratic
from pmsfc_jax.inversion.solvers.levenberg_marquardt import adapted
from pmsfc_jax.inversion.solvers.pairs import inverse_curvature, no_pairs, with_pair
from pmsfc_jax.inversion.solvers.per_image import dot
from pmsfc_jax.inversion.solvers.triangular import inverse_of_unit_upper
from pmsfc_jax.inversion.terms import Term

B, R, K, D, C, M = 3, 2, 2, 2, 3, 40
WIDE = jax.enable_x64


def toy(count=B, seed=0, bend=0.0):
    """Predictions ``A z + B w + bend tanh(w)`` with every image's own matrices, in float64."""
    rng = np.random.default_rng(seed)
    of_z = jnp.asarray(rng.normal(size=(B, M, R * K * D))[:count])
    of_w = jnp.asarray(rng.normal(size=(B, M, R * K * C))[:count])
    target = jnp.asarray(rng.normal(size=(B, M))[:count] * np.array([1.0, 5.0, 0.2])[:count, None])

    def heads(z):
        value = jnp.einsum("bmp,bp->bm", of_z, z.reshape(z.shape[0], -1))
        return Heads(value.reshape(-1, 1, 1, 1, 1, M), None)

    def predict(heads, codes):
        w = codes.w.reshape(codes.w.shape[0], -1)
        value = heads.features[:, 0, 0, 0, 0] + jnp.einsum("bmp,bp->bm", of_w, w)
        value = value + bend * jnp.einsum("bmp,bp->bm", jnp.abs(of_w), jnp.tanh(w))
        return (value,), jnp.zeros(value.shape[:1], jnp.int32)

    terms = (Term("pixel", 1.0, "l2", target),)
    misfit = Misfit(heads, predict, terms, lambda codes: jnp.ones((R, C), bool))
    z = rng.normal(size=(B, R, K, D))[:count]
    codes = Codes(jnp.asarray(z), jnp.asarray(rng.normal(size=(B, R, K, C))[:count]))
    matrix = np.concatenate([np.asarray(of_z), np.asarray(of_w)], axis=2)
    return misfit, codes, matrix, np.asarray(target)


def stepper(settings, misfit, codes, num_steps=300):
    """``(memory at the start, step)`` of a solver."""
    count = codes.w.shape[0]
    rates = jax.tree.map(lambda rate: jnp.full((count,), rate, codes.w.dtype), settings.rates())
    rates = rates._replace(num_steps=jnp.int32(num_steps))
    solver = settings.solver()

    @jax.jit
    def step(codes, memory, number=0):
        numbers = jnp.full(len(codes.w), number, jnp.int32)
        return solver.step(misfit, codes, memory, rates, numbers)

    return solver.init(codes, rates), step


def trace(settings, misfit, codes, num_steps):
    """All steps' losses ``[n, b]`` and the last step."""
    memory, step = stepper(settings, misfit, codes, num_steps)
    done, losses = None, []
    for number in range(num_steps):
        done = step(codes, memory, number)
        codes, memory = done.codes, done.memory
        losses.append(np.asarray(done.info.loss))
    return np.array(losses), done


def flat(codes):
    return np.concatenate(
        [np.asarray(leaf).reshape(len(leaf), -1) for leaf in jax.tree.leaves(codes)], axis=1
    )


def least_squares(matrix, target):
    """The smallest mean square of each image."""
    return np.array([
        np.mean((a @ np.linalg.lstsq(a, y, rcond=None)[0] - y) ** 2)
        for a, y in zip(matrix, target, strict=True)
    ])  # fmt: skip


def settings(optimiser, **fields):
    return solver_settings(optimiser)(**fields)


def test_codes_are_one_vector_an_image_and_back():
    rng = np.random.default_rng(0)
    tree = {"a": rng.normal(size=(2, 1, 3, 4)), "b": rng.normal(size=(2, 1, 3, 2, 2))}
    codes = Codes(tree, rng.normal(size=(2, 1, 3, 5)), {"style": rng.normal(size=(2, 6))})
    vector = flatten(codes)
    assert vector.shape == (2, 12 + 12 + 15 + 6)
    again = unflatten(vector, codes)
    for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(codes), strict=True):
        np.testing.assert_array_equal(a, b.astype(np.float32))


def test_gradient_of_the_toy_is_that_of_least_squares():
    with WIDE(True):
        misfit, codes, matrix, target = toy()
        info, gradient = value_and_gradient(misfit, codes)
    residual = np.einsum("bmp,bp->bm", matrix, flat(codes)) - target
    np.testing.assert_allclose(info.loss, (residual**2).mean(axis=1), rtol=1e-10)
    expected = 2 / M * np.einsum("bmp,bm->bp", matrix, residual)
    np.testing.assert_allclose(flat(gradient), expected, rtol=1e-10)


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
        misfit, codes, matrix, _ = toy()
        model = quadratic(misfit, lambda c: misfit.predict(misfit.heads(c.latent), c), codes)
        rng = np.random.default_rng(1)
        direction = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape)), codes)
        product = model.product(direction)
    for i in range(B):
        expected = 2 / M * matrix[i].T @ matrix[i] @ flat(direction)[i]
        np.testing.assert_allclose(flat(product)[i], expected, rtol=1e-10)


def test_the_inverse_curvature_is_that_of_dense_bfgs():
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
        ring = no_pairs(jnp.zeros((1, n)), pairs + 1)
        skipped = jnp.ones((1, n))
        for s, y in reversed(list(zip(steps[0], changes[0], strict=True))):
            # Slots that are written over, and one that holds no pair, in between.
            ring = with_pair(ring, jnp.asarray(s[None]), jnp.asarray(y[None]), jnp.array([True]))
        ring = with_pair(ring, skipped, skipped, jnp.array([False]))
        ours = inverse_curvature(ring, jnp.asarray(gradient))
    np.testing.assert_allclose(ours[0], inverse @ gradient[0], rtol=1e-9)


@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 100])
def test_triangular_inverses_by_doubling_are_those_of_numpy(size):
    rng = np.random.default_rng(size)
    strict = np.triu(rng.normal(size=(3, size, size)) / np.sqrt(size), 1)
    ours = inverse_of_unit_upper(jnp.asarray(strict, jnp.float32))
    exact = np.linalg.inv(np.eye(size) + strict)
    np.testing.assert_allclose(ours, exact, atol=2e-6 * np.abs(exact).max())


def test_directions_in_float32_lose_nothing_beyond_rounding():
    """A full history whose steps are nearly the same, as they are along a valley."""
    count, n, size = 2, 400, 40
    rng = np.random.default_rng(1)
    curvature = np.exp(1.5 * rng.normal(size=(count, n)))
    gradient, along = rng.normal(size=(count, n)), rng.normal(size=(count, n))
    pairs = []
    for _ in range(size + 7):
        along = 0.9 * along + rng.normal(size=(count, n))
        pairs.append((0.01 * along, 0.01 * along * curvature))

    def direction(dtype):
        found, one_more = no_pairs(jnp.zeros((count, n), dtype), size), jax.jit(with_pair)
        for step, change in pairs:
            found = one_more(found, *(jnp.asarray(v, dtype) for v in (step, change)), kept)
        return np.asarray(inverse_curvature(found, jnp.asarray(gradient, dtype)))

    kept = jnp.array([True] * count)
    single = direction(jnp.float32)
    with WIDE(True):
        double = direction(jnp.float64)
    np.testing.assert_allclose(single, double, atol=1e-5 * np.abs(double).max())


def test_room_that_is_not_filled_does_not_count():
    """The same direction as from a ring of just that size, whatever the place in it."""
    rng = np.random.default_rng(3)
    with WIDE(True):
        gradient = jnp.asarray(rng.normal(size=(2, 5)))
        rings = [no_pairs(jnp.zeros((2, 5)), size) for size in (3, 50)]
        for _ in range(3):
            s = rng.normal(size=(2, 5))
            y = s * rng.uniform(0.5, 2.0, size=5)
            rings = [
                with_pair(ring, jnp.asarray(s), jnp.asarray(y), jnp.array([True, True]))
                for ring in rings
            ]
        tight, wide = (inverse_curvature(ring, gradient) for ring in rings)
    np.testing.assert_allclose(wide, tight, rtol=1e-12)


def test_lbfgs_reaches_least_squares():
    with WIDE(True):
        misfit, codes, matrix, target = toy()
        losses, _ = trace(settings("lbfgs"), misfit, codes, 120)
    exact = least_squares(matrix, target)
    np.testing.assert_allclose(losses.min(axis=0), exact, rtol=1e-6)
    assert (losses[0] > 2 * exact).all()


def test_lbfgs_keeps_the_newest_pairs():
    with WIDE(True):
        misfit, codes, _, _ = toy()
        memory, step = stepper(settings("lbfgs", history=3), misfit, codes)
        now, points = codes, []
        for _ in range(9):
            done = step(now, memory)
            now, memory = done.codes, done.memory
            if not points or np.any(memory.base[0] != points[-1]):
                points.append(np.asarray(memory.base[0]))
    assert memory.pairs.steps.shape == (B, 3, R * K * (D + C))
    taken = np.asarray(memory.pairs.inner[0]) > 0
    assert taken.any()
    differences = {tuple(np.round((b - a).ravel(), 9)) for a, b in itertools.pairwise(points)}
    for slot in np.flatnonzero(taken):
        assert tuple(np.round(np.asarray(memory.pairs.steps[0, slot]), 9)) in differences


@pytest.mark.slow
def test_points_taken_by_lbfgs_never_rise_and_reach_scipys():
    """On a curved problem: monotone, and as low as scipy's L-BFGS from the same start."""
    with WIDE(True):
        misfit, codes, _, _ = toy(bend=2.0)
        memory, step = stepper(settings("lbfgs"), misfit, codes)
        taken = []
        now = codes
        for _ in range(200):
            done = step(now, memory)
            now, memory = done.codes, done.memory
            taken.append(np.asarray(memory.info.loss))
        taken = np.array(taken)
        assert (np.diff(taken, axis=0) <= 0).all()
        shapes = [leaf.shape[1:] for leaf in codes[:2]]

        def loss_of(i):
            def value(x):
                z, w = (
                    jnp.asarray(part).reshape(1, *shape)
                    for part, shape in zip(np.split(x, [R * K * D]), shapes, strict=True)
                )
                whole = Codes(codes.latent.at[i].set(z[0]), codes.w.at[i].set(w[0]))
                return float(compiled(whole)[i])

            return value

        compiled = jax.jit(lambda c: evaluate(misfit, c).loss)
        for i in range(B):
            x0 = flat(codes)[i]
            value = loss_of(i)
            theirs = scipy.optimize.minimize(value, x0, method="L-BFGS-B")
            assert taken[-1, i] <= theirs.fun * 1.05 + 1e-6


def test_levenberg_marquardt_solves_a_linear_problem_at_once():
    """With little damping and as many conjugate gradients as numbers, one step is the answer."""
    with WIDE(True):
        misfit, codes, matrix, target = toy()
        config = settings("levenberg_marquardt", damping=1e-9, inner_steps=60)
        losses, _ = trace(config, misfit, codes, 2)
    exact = least_squares(matrix, target)
    np.testing.assert_allclose(losses[1], exact, rtol=1e-3, atol=1e-9)
    assert (losses[0] > 2 * exact).all()


def test_damping_follows_the_model():
    ours = adapted(jnp.ones(5), jnp.array([1.0, 0.5, 0.0, -3.0, jnp.nan]))
    np.testing.assert_allclose(ours, [1 / 3, 1, 2, 4, 4], rtol=1e-6)


def test_a_rejected_step_leaves_the_point_and_raises_the_damping():
    with WIDE(True):
        misfit, codes, _, _ = toy(bend=2.0)
        memory, step = stepper(settings("levenberg_marquardt"), misfit, codes)
        first = step(codes, memory)
        worse = jax.tree.map(lambda x: x + 10, codes)
        second = step(worse, first.memory)
    np.testing.assert_array_equal(second.memory.base.latent, codes.latent)
    np.testing.assert_array_equal(second.memory.info.loss, first.memory.info.loss)
    assert (np.asarray(second.memory.damping) > np.asarray(first.memory.damping)).all()


def test_variable_projection_solves_for_the_weights():
    """Weights after one step are those of lstsq at the codes before it; codes move by Adam."""
    with WIDE(True):
        misfit, codes, matrix, target = toy()
        config = settings("variable_projection", damping=1e-9, inner_steps=60, learning_rate=0.01)
        losses, done = trace(config, misfit, codes, 1)
    split = R * K * D
    for i in range(B):
        rest = target[i] - matrix[i][:, :split] @ np.asarray(codes.latent[i]).ravel()
        w, *_ = np.linalg.lstsq(matrix[i][:, split:], rest, rcond=None)
        np.testing.assert_allclose(np.asarray(done.evaluated.w[i]).ravel(), w, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(
            losses[0, i], np.mean((matrix[i][:, split:] @ w - rest) ** 2), rtol=1e-5
        )
    moved = np.abs(np.asarray(done.codes.latent - codes.latent))
    np.testing.assert_allclose(moved, 0.01, rtol=1e-3)


@pytest.mark.parametrize("optimiser", list(SOLVERS))
def test_an_image_does_not_feel_its_companions(optimiser):
    """The first image alone, and beside two that are on other scales."""
    takes_rate = hasattr(solver_settings(optimiser), "learning_rate")
    config = settings(optimiser, **({"learning_rate": 0.02} if takes_rate else {}))
    with WIDE(True):
        misfit, codes, _, _ = toy(bend=1.0)
        together, beside = trace(config, misfit, codes, 12)
        misfit, codes, _, _ = toy(1, bend=1.0)
        alone, single = trace(config, misfit, codes, 12)
    np.testing.assert_allclose(alone[:, 0], together[:, 0], rtol=1e-7)
    np.testing.assert_allclose(single.codes.w[0], beside.codes.w[0], rtol=1e-6, atol=1e-9)
    assert together[-1, 0] < together[0, 0]


def test_separate_rates_move_codes_and_weights_differently():
    with WIDE(True):
        misfit, codes, _, _ = toy()
        config = settings("adam", learning_rate=0.01, weight_learning_rate=0.2)
        _, done = trace(config, misfit, codes, 1)
    for ours, before, rate in zip(done.codes[:2], codes[:2], (0.01, 0.2), strict=True):
        np.testing.assert_allclose(np.abs(np.asarray(ours - before)), rate, rtol=1e-4)


def test_products_of_each_image_are_its_own():
    a = {"x": jnp.arange(6.0).reshape(2, 3), "y": jnp.ones((2, 2, 2))}
    np.testing.assert_allclose(dot(a, a), [0 + 1 + 4 + 4, 9 + 16 + 25 + 4])


def test_weights_without_effect_do_not_lengthen_the_first_step():
    """Its root mean square is the rate over the numbers that have an effect."""
    with WIDE(True):
        misfit, codes, _, _ = toy()
        half = misfit._replace(live=lambda count: jnp.arange(C)[None] < jnp.array([[C], [0]]))
        memory, step = stepper(settings("lbfgs", learning_rate=0.1), half, codes)
        moved = flat(step(codes, memory).codes) - flat(codes)
    numbers = R * K * D + K * C
    np.testing.assert_allclose(np.sqrt((moved**2).sum(axis=1) / numbers), 0.1, rtol=1e-6)
