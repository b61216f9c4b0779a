"""Optimise the codes of one batch of images: one compiled loop for all of them, any solver.

Images never influence each other: the loss is a sum over images, solvers keep step lengths and
dampings for each, and each image keeps its own best codes.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion.compose import Codes
from pmsfc_jax.inversion.problem import Info, Problem, Setting, objective_of, pose
from pmsfc_jax.inversion.solvers import solver_of
from pmsfc_jax.inversion.solvers.per_image import select

__all__ = ["Info", "Problem", "Setting", "State", "advance", "start", "steps_per_call"]


class State(NamedTuple):
    """What the loop carries. ``best*`` are those of the lowest loss so far, for each image."""

    codes: Codes
    optimiser: Any
    best: Codes
    best_loss: Array
    best_step: Array


def steps_per_call(num_steps: int, most: int = 10) -> int:
    """Length of the compiled loop: the largest divisor of ``num_steps`` up to ``most``.

    Long enough that an accelerator does not wait for the host, short enough for a live progress
    bar; a divisor, so that there is one trace.
    """
    return next(n for n in range(min(most, num_steps), 0, -1) if num_steps % n == 0)


@partial(jax.jit, static_argnames="setting")
def start(
    setting: Setting, v_params: Params, codes: Codes, target: Array, masks: Array
) -> tuple[Problem, State]:
    """The constants of the loop, and the state before its first step.

    Raises:
      InputError: the settings do not fit the generator.

    """
    count = target.shape[0]
    with jax.default_matmul_precision(setting.config.precision):
        problem = pose(setting, v_params, target, masks)
    state = State(
        codes,
        solver_of(setting.config).init(codes),
        jax.tree.map(jnp.copy, codes),
        jnp.full((count,), jnp.inf, target.dtype),
        jnp.zeros((count,), jnp.int32),
    )
    return problem, state


@partial(jax.jit, static_argnames="setting", donate_argnames="state")
def advance(
    setting: Setting,
    params: Params,
    v_params: Params,
    problem: Problem,
    state: State,
    first_step: Array,
) -> tuple[State, Info]:
    """`steps_per_call` steps of every image, from step ``first_step`` (counted from 0).

    Returns:
      The new state and the diagnostics of each step, stacked in front: ``[n, b]``. They are of the
      codes that the step evaluated: those before its update, where it says nothing else.

    """
    solver = solver_of(setting.config)
    objective = objective_of(setting, params, v_params, problem)

    def one(state: State, step: Array) -> tuple[State, Info]:
        done = solver.step(objective, state.codes, state.optimiser)
        improved = done.info.loss < state.best_loss
        new_state = State(
            done.codes,
            done.memory,
            select(improved, done.evaluated, state.best),
            jnp.where(improved, done.info.loss, state.best_loss),
            jnp.where(improved, step, state.best_step),
        )
        return new_state, done.info

    steps = first_step + jnp.arange(steps_per_call(setting.config.num_steps), dtype=jnp.int32)
    with jax.default_matmul_precision(setting.config.precision):
        return jax.lax.scan(one, state, steps)
