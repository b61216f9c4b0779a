"""Optimise the codes of one batch of images: one compiled loop for all of them.

Images never influence each other: the loss is a sum over images, Adam works elementwise, and each
image keeps its own best codes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion.compose import Codes, reconstruct
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.objective import perceptual_loss, pixel_loss


class State(NamedTuple):
    """What the loop carries. ``best*`` are those of the lowest loss so far, for each image."""

    codes: Codes
    optimiser: Any
    best: Codes
    best_loss: Array
    best_step: Array


class Info(NamedTuple):
    """Diagnostics of one step, each ``[b]``; ``loss`` is of the codes before the step's update."""

    loss: Array
    pixel_loss: Array
    perceptual_loss: Array
    guarded: Array


class Problem(NamedTuple):
    """What the loop does not change: targets ``[b, H, W, 3]``, V of them, and masks ``[r, c]``."""

    target: Array
    target_features: tuple[Array, ...]
    masks: Array


class Setting(NamedTuple):
    """What the compiled step depends on besides arrays: static, hashable, compared by identity.

    Attributes:
      generator: head and tail.
      config: the inversion's settings.
      layer: the cut.
      extract: V as ``(v_params, x [b, H, W, 3]) -> feature maps``, or ``None``.

    """

    generator: SplitGenerator
    config: InversionConfig
    layer: int
    extract: Callable[[Params, Array], Any] | None = None


def steps_per_call(num_steps: int, most: int = 10) -> int:
    """Length of the compiled loop: the largest divisor of ``num_steps`` up to ``most``.

    Long enough that an accelerator does not wait for the host, short enough for a live progress
    bar; a divisor, so that there is one trace.
    """
    return next(n for n in range(min(most, num_steps), 0, -1) if num_steps % n == 0)


def _optimiser(config: InversionConfig) -> optax.GradientTransformation:
    if config.optimiser == "sgd":
        return optax.sgd(config.learning_rate)
    schedule = optax.cosine_decay_schedule(config.learning_rate, config.num_steps, alpha=0.1)
    return optax.adam(schedule)


def _features(setting: Setting, v_params: Params, x: Array) -> tuple[Array, ...]:
    if setting.extract is None or not setting.config.perceptual_weight:
        return ()
    return tuple(setting.extract(v_params, x))


@partial(jax.jit, static_argnames="setting")
def start(
    setting: Setting, v_params: Params, codes: Codes, target: Array, masks: Array
) -> tuple[Problem, State]:
    """The constants of the loop, and the state before its first step."""
    count = target.shape[0]
    with jax.default_matmul_precision(setting.config.precision):
        problem = Problem(target, _features(setting, v_params, target), masks)
    state = State(
        codes,
        _optimiser(setting.config).init(codes),
        jax.tree.map(jnp.copy, codes),
        jnp.full((count,), jnp.inf),
        jnp.zeros((count,), jnp.int32),
    )
    return problem, state


def _loss(
    codes: Codes, setting: Setting, params: Params, v_params: Params, problem: Problem
) -> tuple[Array, Info]:
    config = setting.config
    image, guarded = reconstruct(
        setting.generator,
        params,
        codes,
        problem.masks,
        layer=setting.layer,
        method=config.method,
    )
    pixel = pixel_loss(problem.target, image)
    loss = config.pixel_weight * pixel
    perceptual = jnp.zeros_like(pixel)
    if problem.target_features:
        features = _features(setting, v_params, image)
        perceptual = perceptual_loss(problem.target_features, features)
        loss = loss + config.perceptual_weight * perceptual
    return loss.sum(), Info(loss, pixel, perceptual, guarded)


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
      The new state and the diagnostics of each step, stacked in front: ``[n, b]``.

    """
    optimiser = _optimiser(setting.config)

    def one(state: State, step: Array) -> tuple[State, Info]:
        gradient, info = jax.grad(_loss, has_aux=True)(
            state.codes, setting, params, v_params, problem
        )
        improved = info.loss < state.best_loss
        best = jax.tree.map(
            lambda new, old: jnp.where(improved[:, None, None, None], new, old),
            state.codes,
            state.best,
        )
        # optax computes its bias correction with implicit promotion, which our tests forbid.
        with jax.numpy_dtype_promotion("standard"):
            update, optimiser_state = optimiser.update(gradient, state.optimiser)
        new_state = State(
            optax.apply_updates(state.codes, update),
            optimiser_state,
            best,
            jnp.where(improved, info.loss, state.best_loss),
            jnp.where(improved, step, state.best_step),
        )
        return new_state, info

    steps = first_step + jnp.arange(steps_per_call(setting.config.num_steps), dtype=jnp.int32)
    with jax.default_matmul_precision(setting.config.precision):
        return jax.lax.scan(one, state, steps)
