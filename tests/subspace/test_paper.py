"""Equation 6: its gradient, its step, and where the steps end."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import PaperOptions, paper_expression, self_expression
from pmsfc_jax.subspace.paper.search import HELD_OUT_STREAM, STEP_STREAM
from pmsfc_jax.subspace.paper.step import (
    Weights,
    advance,
    feature_term,
    first_state,
    image_term,
    proximal_adam,
    smooth_part,
)

from .conftest import HEIGHT, SLOPE, WIDTH
from .synthetic import gram_of, relative_error

CHANNELS, BATCH = 20, 16
KEY = jax.random.key(4)


@pytest.fixture(scope="module")
def gram(tiny_once) -> np.ndarray:
    return gram_of(tiny_once.features(jax.random.key(11), 4000, 0)).astype(np.float32)


def express(tiny, gram, mu=None, **changes):
    options = PaperOptions(**{"batch_size": BATCH, "num_steps": 60, "num_held_out": 64, **changes})
    return paper_expression(
        tiny.generator, tiny.params, gram, layer=0, key=KEY, mu=mu, options=options
    )


def pictures(params, features: np.ndarray) -> np.ndarray:
    """The tail at layer 0 in numpy, of rows ``[n, C]``."""
    rectified = np.where(features > 0, features, SLOPE * features)
    return np.tanh(rectified @ np.asarray(params["to_rgb"], np.float64))


def linear(tiny):
    """The same generator with a tail that only mixes colours."""
    return dataclasses.replace(
        tiny.generator, tail=lambda params, features, context, *, layer: features @ params["to_rgb"]
    )


def regular(gram: np.ndarray) -> np.ndarray:
    """With full rank, so that there is one optimum only."""
    return gram + np.float32(0.1 * np.trace(gram) / CHANNELS) * np.eye(CHANNELS, dtype=np.float32)


def some_coefficients(seed: int = 0) -> np.ndarray:
    s = 0.2 * np.random.default_rng(seed).standard_normal((CHANNELS, CHANNELS))
    np.fill_diagonal(s, 0)
    return s


def test_the_gradient_equals_finite_differences_in_float64(tiny_once):
    rng = np.random.default_rng(1)
    shape = (3, HEIGHT, WIDTH, CHANNELS)
    with jax.enable_x64(True):
        params = {name: jnp.asarray(a, jnp.float64) for name, a in tiny_once.params.items()}
        cut = Cut(tiny_once.generator, 0)
        features = jnp.asarray(rng.standard_normal(shape))
        images = cut.generator.tail(params, features, None, layer=0)
        gram = jnp.asarray(gram_of(rng.standard_normal((50, CHANNELS))))
        batch = (features, None, images)

        @jax.jit
        def loss(s):
            return smooth_part(s, cut, params, gram, np.float64(30.0), batch)

        s = jnp.asarray(some_coefficients())
        gradient = np.asarray(jax.grad(loss)(s))
        assert gradient.dtype == np.float64
        for _ in range(8):
            direction = rng.standard_normal(s.shape)
            step = 1e-5
            ends = [float(loss(s + sign * step * direction)) for sign in (1, -1)]
            slope = (ends[0] - ends[1]) / (2 * step)
            assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-7, abs=1e-7)


def test_with_a_linear_tail_both_terms_equal_their_formula(tiny_once):
    rng = np.random.default_rng(2)
    features = rng.standard_normal((3, HEIGHT, WIDTH, CHANNELS)).astype(np.float32)
    to_rgb = np.asarray(tiny_once.params["to_rgb"], np.float64)
    s = some_coefficients()
    rows = features.reshape(-1, CHANNELS).astype(np.float64)
    missing = rows - rows @ s
    cut = Cut(linear(tiny_once), 0)
    batch = (jnp.asarray(features), None, jnp.asarray((features @ to_rgb).astype(np.float32)))

    value, gradient = jax.value_and_grad(lambda c: image_term(cut, tiny_once.params, c, *batch))(
        jnp.asarray(s, jnp.float32)
    )
    assert float(value) == pytest.approx(np.mean((missing @ to_rgb) ** 2), rel=1e-5)
    expected = -2 * rows.T @ missing @ to_rgb @ to_rgb.T / (len(rows) * 3)
    assert relative_error(gradient, expected) < 1e-5

    value, gradient = jax.value_and_grad(feature_term, argnums=1)(
        jnp.asarray(gram_of(rows), jnp.float32), jnp.asarray(s, jnp.float32)
    )
    assert float(value) == pytest.approx(np.sum(missing**2) / len(rows), rel=1e-5)
    assert relative_error(gradient, -2 * rows.T @ missing / len(rows)) < 1e-5


def test_without_a_penalty_a_step_is_adams(tiny_once):
    rng = np.random.default_rng(3)
    s = jnp.asarray(some_coefficients(), jnp.float32)
    state, other = first_state(s), s
    adam = optax.adam(0.01)
    adam_state = adam.init(other)
    for step in range(5):
        gradient = jnp.asarray(rng.standard_normal(s.shape), jnp.float32)
        gradient = jnp.fill_diagonal(gradient, jnp.float32(0), inplace=False)
        zero, rate = np.float32(0), np.float32(0.01)
        state = proximal_adam(state, gradient, zero, rate, np.int32(step))
        with jax.numpy_dtype_promotion("standard"):
            update, adam_state = adam.update(gradient, adam_state)
        other = optax.apply_updates(other, update)
    np.testing.assert_allclose(state.coefficients, other, atol=1e-6)


def test_every_step_draws_latents_of_its_own(tiny_once, gram):
    cut, weight = Cut(linear(tiny_once), 0), 3.0
    to_rgb = np.asarray(tiny_once.params["to_rgb"], np.float64)
    s = some_coefficients()
    missing = np.eye(CHANNELS) - s
    for step in (0, 3):
        after = advance(
            cut,
            tiny_once.params,
            jnp.asarray(gram),
            Weights(jnp.float32(weight), jnp.float32(0.1)),
            first_state(jnp.asarray(s, jnp.float32)),
            KEY,
            np.int32(step),
            np.float32(0.01),
            BATCH,
        )
        seen = gram_of(tiny_once.features(jax.random.fold_in(KEY, step), BATCH, 0))
        gradient = -2 * gram @ missing - 2 * weight / 3 * seen @ missing @ to_rgb @ to_rgb.T
        assert relative_error(after.mean, 0.1 * gradient) < 1e-5
    assert STEP_STREAM != HELD_OUT_STREAM


@pytest.mark.parametrize("start", ["lasso", "ridge"])
def test_without_pictures_the_steps_end_at_the_lasso(tiny, gram, start):
    gram = regular(gram)
    lasso = self_expression(gram, method="lasso", tolerance=1e-7)
    found = express(tiny, gram, image_weight=0.0, num_steps=600, start=start)
    s = np.asarray(found.coefficients)
    np.testing.assert_allclose(s, lasso.coefficients, atol=5e-3)
    assert found.mu == lasso.mu
    assert found.converged
    assert found.sparsity == pytest.approx(lasso.sparsity, abs=0.02)
    assert found.sparsity == pytest.approx(np.mean(s[~np.eye(CHANNELS, dtype=bool)] == 0))
    assert found.residual == pytest.approx(lasso.residual, rel=1e-2)


def test_with_a_linear_tail_the_steps_end_at_the_exact_optimum(tiny, gram):
    gram = regular(gram)
    to_rgb = np.asarray(tiny.params["to_rgb"], np.float64)
    weight = 3.0
    options = PaperOptions(image_weight=weight, num_steps=800, batch_size=BATCH, num_held_out=16)
    found = paper_expression(
        linear(tiny), tiny.params, gram, layer=0, key=KEY, mu=0.0, options=options
    )
    # The image term sees the features themselves, the feature term the matrix that was given.
    seen = gram_of(tiny.features(jax.random.key(12), 5000, 0))
    colours = weight / 3 * to_rgb @ to_rgb.T
    identity = np.eye(CHANNELS)
    off = np.flatnonzero(identity.ravel() == 0)
    system = np.kron(gram, identity) + np.kron(seen, colours)
    right = (gram + seen @ colours).ravel()
    expected = np.zeros(CHANNELS**2)
    expected[off] = np.linalg.solve(system[np.ix_(off, off)], right[off])
    assert relative_error(found.coefficients, expected.reshape(gram.shape)) < 0.01
    without = self_expression(gram, mu=1e-6).coefficients
    assert relative_error(without, expected.reshape(gram.shape)) > 0.1


def test_pictures_are_redrawn_better_than_without_the_image_term(tiny, gram):
    lasso = self_expression(gram, method="lasso").coefficients
    found = express(tiny, gram, num_steps=200)
    features = np.concatenate(
        [
            tiny.features(jax.random.fold_in(jax.random.fold_in(KEY, HELD_OUT_STREAM), i), BATCH, 0)
            for i in range(4)
        ]
    )

    def error(coefficients) -> float:
        drawn = pictures(tiny.params, features @ np.asarray(coefficients, np.float64))
        return float(np.mean((drawn - pictures(tiny.params, features)) ** 2))

    assert found.image_error == pytest.approx(error(found.coefficients), rel=1e-4)
    assert found.image_error < 0.8 * error(lasso)
    energy = np.mean(pictures(tiny.params, features) ** 2)
    assert found.image_weight == pytest.approx(np.trace(gram) / energy, rel=1e-4)
    np.testing.assert_array_equal(np.diag(found.coefficients), 0)
    assert found.coefficients.dtype == jnp.float32
    assert (found.method, found.iterations) == ("paper", 200)


def test_is_reproducible_in_two_traces_and_counts_its_latents(tiny, gram):
    # No other test uses this batch size, so nothing is cached beforehand.
    options = PaperOptions(batch_size=15, num_steps=6, num_held_out=31)
    seen: list[tuple[int, int]] = []

    def once(key, on_progress=None):
        return paper_expression(
            tiny.generator,
            tiny.params,
            gram,
            layer=0,
            key=key,
            options=options,
            on_progress=on_progress,
        )

    first = once(KEY, lambda done, total: seen.append((done, total)))
    again = once(KEY)
    np.testing.assert_array_equal(first.coefficients, again.coefficients)
    assert tiny.head_calls == [0, 0]  # the step, and the measurement
    assert seen == [(15 * i, 225) for i in range(1, 16)]  # 3 + 3 + 3 + 3 + 3 batches
    other = once(jax.random.key(5))
    assert np.any(np.asarray(other.coefficients) != np.asarray(first.coefficients))


def test_a_search_that_is_too_short_says_so(tiny, gram):
    found = express(tiny, gram, num_steps=10, start="ridge")
    assert not found.converged
    assert "give more num_steps" in found.advice
    longer = express(tiny, gram, num_steps=400)
    assert longer.converged
    assert longer.advice == ""
    assert longer.kkt_residual < 0.1 < found.kkt_residual


def test_channels_that_are_related_to_no_other(tiny):
    gram = np.diag(np.arange(1.0, CHANNELS + 1)).astype(np.float32)
    found = express(tiny, gram, image_weight=0.0, num_steps=2)
    assert found.sparsity == 1
    assert found.residual == 1
    assert found.kkt_residual == 0


def test_memory_does_not_grow_with_the_number_of_steps(tiny, gram):
    def live_bytes(num_steps: int) -> int:
        seen = []
        paper_expression(
            tiny.generator,
            tiny.params,
            gram,
            layer=0,
            key=KEY,
            options=PaperOptions(batch_size=BATCH, num_steps=num_steps, num_held_out=64),
            on_progress=lambda done, total: seen.append(
                sum(array.nbytes for array in jax.live_arrays())
            ),
        )
        return max(seen)

    live_bytes(8)
    assert live_bytes(120) <= live_bytes(24)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_steps": 0}, "num_steps is 0"),
        ({"batch_size": 1.5}, "batch_size is 1.5"),
        ({"num_held_out": -1}, "num_held_out is -1"),
        ({"image_weight": -1.0}, "image_weight is -1"),
        ({"image_weight": np.nan}, "image_weight is nan"),
        ({"learning_rate": 0.0}, "learning_rate is 0: give a positive number"),
        ({"start": "zero"}, "unknown start 'zero': choose lasso or ridge"),
    ],
)
def test_unusable_options_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        PaperOptions(**changes)


def test_unusable_input_is_refused(tiny, gram):
    def run(generator=tiny.generator, params=tiny.params, matrix=gram, layer=0, **options):
        return paper_expression(
            generator,
            params,
            matrix,
            layer=layer,
            key=KEY,
            mu=options.pop("mu", None),
            options=PaperOptions(batch_size=BATCH, num_steps=2, num_held_out=16, **options),
        )

    with pytest.raises(InputError, match="tiny has no layer 7: choose one of 0 to 1"):
        run(layer=7)
    with pytest.raises(InputError, match="has 19 channels and tiny has 20 at layer 0"):
        run(matrix=gram[1:, 1:])
    with pytest.raises(InputError, match="expected a square matrix"):
        run(matrix=gram[1:])
    with pytest.raises(InputError, match="not finite: check the features"):
        run(matrix=np.full_like(gram, np.nan))
    with pytest.raises(InputError, match="mu is -1"):
        run(mu=-1.0)
    to_rgb = tiny.params["to_rgb"]
    with pytest.raises(InputError, match="tiny draws pictures that are not finite"):
        run(params={**tiny.params, "to_rgb": np.full_like(to_rgb, np.nan)})
    with pytest.raises(InputError, match="every picture that tiny draws is zero"):
        run(params={**tiny.params, "to_rgb": np.zeros_like(to_rgb)})
    with pytest.raises(InputError, match=r"the search diverged with learning_rate=3e\+38"):
        run(mu=0.0, learning_rate=3e38, start="ridge")


def test_solvers_of_the_gram_matrix_send_the_user_to_the_right_function(gram):
    with pytest.raises(InputError, match="needs a generator: call discover_subspaces"):
        self_expression(gram, method="paper")


def test_options_are_plain_values():
    options = PaperOptions(image_weight=2.0)
    assert PaperOptions(**dataclasses.asdict(options)) == options
    assert hash(options) == hash(PaperOptions(image_weight=2.0))
