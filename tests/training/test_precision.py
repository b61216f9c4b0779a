"""Steps in bfloat16 against steps in float32."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.parallel.mesh import data_mesh, replicate, shard_batch
from pmsfc_jax.training.state import start_stage
from pmsfc_jax.training.step import make_step
from tests.training.conftest import SMALL

HALF = dataclasses.replace(SMALL, compute_dtype="bfloat16")


@pytest.fixture(scope="module")
def steps(photographs):
    """State before, and state and metrics after a step in either precision."""
    mesh = data_mesh()
    before = start_stage(SMALL, 8, False, jax.random.key(0))
    batch, key = shard_batch(photographs[:4], mesh), jax.random.key(1)

    def after(config):
        step = make_step(config, 8, False, mesh)
        state = replicate(jax.tree.map(np.array, before), mesh)
        return step(state, batch, key, jnp.float32(0), penalised=True)

    return before, after(SMALL), after(HALF)


def test_losses_agree_within_the_precision(steps):
    _, (_, full), (_, half) = steps
    for name in ("generator_loss", "fake_logit"):
        assert abs(getattr(full, name) - getattr(half, name)) < 0.05
        assert getattr(full, name) != getattr(half, name)  # it was bfloat16
        assert getattr(half, name).dtype == jnp.float32


def test_the_penalty_is_taken_in_float32(steps):
    _, (_, full), (_, half) = steps
    np.testing.assert_allclose(half.penalty, full.penalty, rtol=1e-5)
    np.testing.assert_allclose(half.real_logit, full.real_logit, rtol=1e-5, atol=1e-6)


def test_what_is_kept_is_float32_and_finite_and_moves_alike(steps):
    before, (full, _), (half, _) = steps
    floats = [leaf for leaf in jax.tree.leaves(half) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    assert {leaf.dtype.name for leaf in floats} == {"float32"}
    assert all(jnp.isfinite(leaf).all() for leaf in floats)

    def moved(state):
        pairs = zip(jax.tree.leaves(state[:2]), jax.tree.leaves(before[:2]), strict=True)
        return np.concatenate([np.ravel(a) - np.ravel(b) for a, b in pairs])

    # Adam's first step is the sign of the gradient.
    agree = np.sign(moved(full)) == np.sign(moved(half))
    assert agree.mean() > 0.9


@pytest.mark.parametrize("penalised", [True, False])
def test_a_fading_stage_promotes_nothing(penalised):
    config = dataclasses.replace(HALF, resolution=16, widths=(4, 4, 4), discriminator_widths=None)
    state = jax.eval_shape(lambda: start_stage(config, 16, True, jax.random.key(0)))
    step = partial(make_step(config, 16, True), penalised=penalised)
    batch = jax.ShapeDtypeStruct((4, 16, 16, 3), jnp.uint8)
    new, metrics = jax.eval_shape(step, state, batch, jax.random.key(1), jnp.float32(0.5))
    assert new.generator["conv3"]["kernel"].dtype == jnp.float32
    assert {m.dtype.name for m in metrics} == {"float32"}
