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
from pmsfc_jax.inversion.solvers.per_image import per_image, select
from pmsfc_jax.inversion.solvers.solver import unknown
from pmsfc_jax.inversion.until import reason_of, window_ends

#: Steps in one call of the compiled loop, at most: long enough that an accelerator does not wait
#: for the host, short enough for a live progress bar.
STEPS_PER_CALL = 10


class State(NamedTuple):
    """What the loop carries.

    ``best*`` are those of each image's lowest loss so far, or of the first step that explained the
    observation as well as its noise allows. They stay when the image is done.

    Attributes:
      codes: for the next step.
      solver: what it remembers.
      best: codes.
      best_loss: ``[b]``.
      best_step: ``[b]``.
      best_squares: the pixel term of ``best``, ``[b]``.
      mark: ``best_loss`` at the beginning of a window of `Until`, ``[b]``.
      step: steps that the image has done, ``[b]``.
      reason: why it is done, ``[b]``, a number of `until.REASONS`; 0 while it is not.

    """

    codes: Codes
    solver: Any
    best: Codes
    best_loss: Array
    best_step: Array
    best_squares: Array
    mark: Array
    step: Array
    reason: Array


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
    # Arrays of their own: the loop gives away the memory of each.
    unknown_yet = (jnp.full((count,), jnp.inf, jnp.float32) for _ in range(3))
    nothing_yet = (jnp.zeros((count,), jnp.int32) for _ in range(3))
    best_loss, best_squares, mark = unknown_yet
    best_step, step, reason = nothing_yet
    state = State(
        codes,
        form.solver.solver().init(codes, traced.rates),
        jax.tree.map(jnp.copy, codes),
        best_loss,
        best_step,
        best_squares,
        mark,
        step,
        reason,
    )
    return problem, state


@partial(jax.jit, static_argnames="form", donate_argnames=("problem", "state"))
def renew(
    form: Form,
    v_params: Params,
    problem: Problem,
    state: State,
    codes: Codes,
    observation: Observation,
    traced: Traced,
    slots: Array,
) -> tuple[Problem, State]:
    """Other images in some places of a batch, at their start; the others stay between two steps.

    Args:
      form: what the program depends on.
      v_params: of V.
      problem: of the images so far.
      state: of the images so far.
      codes: where each image starts; so are the others, only those of ``slots`` count.
      observation: of each image.
      traced: with the rates of each image.
      slots: which images are new, ``[b]``.

    """
    new_problem, new_state = start(form, v_params, codes, observation, problem.masks, traced)

    def put(new: Array, old: Array) -> Array:
        # Counters of a solver are of no image, and go on.
        return jnp.where(per_image(slots, old), new, old) if old.ndim else old

    new = new_problem.operands, new_problem.targets, new_problem.floor
    operands, targets, floor = jax.tree.map(
        put, new, (problem.operands, problem.targets, problem.floor)
    )
    return Problem(operands, targets, problem.masks, floor), jax.tree.map(put, new_state, state)


@partial(jax.jit, static_argnames="form", donate_argnames="state")
def advance(
    form: Form,
    params: Params,
    v_params: Params,
    problem: Problem,
    state: State,
    traced: Traced,
    num_steps: Array,
) -> tuple[State, Info]:
    """Some steps of every image that is not done; one that is keeps what it has.

    Args:
      form: what the program depends on.
      params: of the generator.
      v_params: of V.
      problem: of `start`.
      state: of `start`, or of the call before; its memory is given away.
      traced: learning rates, weights of terms, and their like.
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
        done = solver.step(misfit, state.codes, state.solver, traced.rates, state.step)
        going = state.reason == 0
        # What explains an observation up to its noise is kept: later steps would fit the noise.
        improved = (done.info.loss < state.best_loss) & (state.best_loss > floor) & going
        loss = jnp.where(improved, done.info.loss, state.best_loss)
        squares = jnp.where(improved, done.info.pixel_loss, state.best_squares)
        steps = jnp.where(going, state.step + 1, state.step)
        mark = jnp.where(steps == 1, loss, state.mark)
        reason = reason_of(
            traced.limits,
            steps=steps,
            most=traced.rates.num_steps,
            loss=loss,
            mark=mark,
            squares=squares,
            floor=floor,
        )
        new_state = State(
            codes=done.codes,
            solver=done.memory,
            best=select(improved, done.evaluated, state.best),
            best_loss=loss,
            best_step=jnp.where(improved, state.step, state.best_step),
            best_squares=squares,
            mark=jnp.where(window_ends(traced.limits, steps), loss, mark),
            step=steps,
            reason=jnp.where(going, reason, state.reason),
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
