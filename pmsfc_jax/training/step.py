"""One training step of both networks, compiled once for a stage."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.parallel.mesh import DATA
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.mixing import Mixed, draw_mixed
from pmsfc_jax.training.objective import Objective, StepKeys, step_keys
from pmsfc_jax.training.state import TrainState, adam


class StepMetrics(NamedTuple):
    """Scalars of one step; ``penalty`` is zero on steps without one."""

    generator_loss: Array
    discriminator_loss: Array
    real_logit: Array
    fake_logit: Array
    penalty: Array


@lru_cache(maxsize=4)
def make_step(
    config: TrainingConfig, side: int, fading: bool, mesh: Mesh | None = None
) -> Callable[..., Any]:
    """Build the jitted ``step`` of a stage.

        step(state, photographs, key, fade, masks=None, *, penalised) -> (state, StepMetrics)

    ``photographs [b, side, side, 3]`` is uint8. The state's buffers are donated. ``fade`` is the
    traced share of the lower resolution, used where ``fading``. ``masks [R, C]`` are those of the
    partition in which samples are mixed, see `pmsfc_jax.training.mixing`: another partition of as
    many subspaces compiles nothing, and without masks samples are plain. With ``mesh`` (see
    `pmsfc_jax.parallel.mesh`) each of its devices computes its share of the batch, every quantity
    being that of the whole batch, and the new state is on all of them. Equal arguments give the
    same function, so it is compiled once.
    """
    objective = Objective(config, side, fading)

    def step(
        state: TrainState,
        photographs: Array,
        key: Key,
        fade: Array,
        masks: Array | None = None,
        *,
        penalised: bool,
    ) -> tuple[TrainState, StepMetrics]:
        keys = step_keys(key)
        real = objective.real(keys.mirror, photographs, fade)

        def generator_loss(params: Params) -> tuple[Array, Array]:
            z, mixed = _draw_codes(config, keys, real.shape[0], masks, mesh)
            fake = objective.sample(params, z, fade, mixed)
            return objective.generator_loss(state.discriminator, real, fake, fade, keys), fake

        (g_loss, fake), g_slope = jax.value_and_grad(generator_loss, has_aux=True)(state.generator)
        fixed = jax.lax.stop_gradient(fake)
        (d_loss, logits), d_slope = jax.value_and_grad(
            lambda params: objective.discriminator_loss(
                params, real, fixed, fade, keys, penalised=penalised
            ),
            has_aux=True,
        )(state.discriminator)
        return _descend(config, state, g_slope, d_slope), StepMetrics(g_loss, d_loss, *logits)

    everywhere = None if mesh is None else NamedSharding(mesh, PartitionSpec())
    return jax.jit(step, static_argnames="penalised", donate_argnums=0, out_shardings=everywhere)


def _draw_codes(
    config: TrainingConfig, keys: StepKeys, batch: int, masks: Array | None, mesh: Mesh | None
) -> tuple[Array, Mixed | None]:
    """A code for each sample, and what its features are mixed with where there are masks."""
    z = _spread(jax.random.normal(keys.latents, (batch, config.latent_dim)), mesh)
    if masks is None or config.mixing is None:
        return z, None
    mixed = draw_mixed(keys.mixing, config.mixing, batch, config.latent_dim, masks)
    return z, mixed._replace(codes=_spread(mixed.codes, mesh), shares=_spread(mixed.shares, mesh))


def _spread(drawn: Array, mesh: Mesh | None) -> Array:
    """What was drawn for each sample, on the device that draws the sample.

    It comes from a key that lies on no device in particular; without this every device would draw
    the whole batch.
    """
    if mesh is None:
        return drawn
    return jax.lax.with_sharding_constraint(drawn, NamedSharding(mesh, PartitionSpec(DATA)))


def _descend(
    config: TrainingConfig, state: TrainState, g_slope: Params, d_slope: Params
) -> TrainState:
    """Both networks after a step of Adam, and the average with the new generator in it."""
    optimiser = adam(config)
    # optax computes its bias correction with implicit promotion, which our tests forbid.
    with jax.numpy_dtype_promotion("standard"):
        g_update, g_optimiser = optimiser.update(g_slope, state.generator_optimiser)
        d_update, d_optimiser = optimiser.update(d_slope, state.discriminator_optimiser)
    new = optax.apply_updates(state.generator, g_update)
    decay = 0.5 ** (config.batch_size / config.average_half_life)
    return TrainState(
        new,
        optax.apply_updates(state.discriminator, d_update),
        jax.tree.map(lambda a, w: decay * a + (1 - decay) * w, state.average, new),
        g_optimiser,
        d_optimiser,
    )
