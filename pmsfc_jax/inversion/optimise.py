"""Optimise the codes of one batch of images: one compiled loop for all of them, any solver.

Images never influence each other: the loss is a sum over images, solvers keep step lengths and
dampings for each, and each image keeps its own best codes.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.operator import Observation
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.form import Form, Traced
from pmsfc_jax.inversion.misfit import Info
from pmsfc_jax.inversion.problem import Problem, misfit_of, pose
from pmsfc_jax.inversion.solvers.per_image import select
from pmsfc_jax.inversion.solvers.solver import unknown

#: Steps in one call of the compiled loop, at most: long enough that an accelerator does not wait
#: for the host, short enough for a live progress bar.
STEPS_PER_CALL = 10


class State(NamedTuple):
    """What the loop carries.

    ``best*`` are those of each image's lowest loss so far, or of the first step that explained the
    observation as well as its noise allows.
    """

    codes: Codes
    solver: Any
    best: Codes
    best_loss: Array
    best_step: Array


@partial(jax.jit, static_argnames="form")
def start(
    form: Form,
    v_params: Params,
    codes: Codes,
    observation: Observation,
    masks: Array,
    traced: Traced,
) -> tuple[Problem, State]:
    """The constants of the loop, and the state before its first step."""
    count = codes.w.shape[0]
    with jax.default_matmul_precision(form.precision):
        problem = pose(form, v_params, observation, masks, codes)
    state = State(
        codes,
        form.solver.solver().init(codes, traced.rates),
        jax.tree.map(jnp.copy, codes),
        jnp.full((count,), jnp.inf, jnp.float32),
        jnp.zeros((count,), jnp.int32),
    )
    return problem, state


@partial(jax.jit, static_argnames="form", donate_argnames="state")
def advance(
    form: Form,
    params: Params,
    v_params: Params,
    problem: Problem,
    state: State,
    traced: Traced,
    first_step: Array,
    num_steps: Array,
) -> tuple[State, Info]:
    """Some steps of every image.

    Args:
      form: what the program depends on.
      params: of the generator.
      v_params: of V.
      problem: of `start`.
      state: of `start`, or of the call before; its memory is given away.
      traced: learning rates, weights of terms, and their like.
      first_step: number of the first of these steps, counted from 0, a scalar.
      num_steps: how many, at most `STEPS_PER_CALL`, a scalar; another number compiles nothing.

    Returns:
      The new state and the diagnostics of each step, stacked in front: ``[STEPS_PER_CALL, b]``, of
      which the first ``num_steps`` count. They are of the codes that the step evaluated: those
      before its update, where it says nothing else.

    """
    solver = form.solver.solver()
    misfit = misfit_of(form, params, v_params, problem, traced.weights)
    floor = traced.weights[0] * problem.floor

    def one(index: Array, carry: tuple[State, Info]) -> tuple[State, Info]:
        state, told = carry
        step = first_step + index
        done = solver.step(misfit, state.codes, state.solver, traced.rates, step)
        # What explains an observation up to its noise is kept: later steps would fit the noise.
        improved = (done.info.loss < state.best_loss) & (state.best_loss > floor)
        new_state = State(
            done.codes,
            done.memory,
            select(improved, done.evaluated, state.best),
            jnp.where(improved, done.info.loss, state.best_loss),
            jnp.where(improved, step, state.best_step),
        )
        told = jax.tree.map(
            lambda all_steps, new: jax.lax.dynamic_update_index_in_dim(all_steps, new, index, 0),
            told,
            done.info,
        )
        return new_state, told

    nothing = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf, (STEPS_PER_CALL, *leaf.shape)), unknown(state.codes)
    )
    with jax.default_matmul_precision(form.precision):
        return jax.lax.fori_loop(0, num_steps, one, (state, nothing))
