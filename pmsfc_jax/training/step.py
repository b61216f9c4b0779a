"""One training step of both networks, and the state that it carries.

There are two losses, both with lazily applied gradient penalties (Karras et al., CVPR 2020). The
non-saturating one has R1, on photographs (Mescheder, Geiger, Nowozin: ICML 2018). The relativistic
pairing one (Jolicoeur-Martineau: ICLR 2019) has R1 and R2, on samples too (Huang, Gokaslan,
Kuleshov, Tompkin: NeurIPS 2024): a sample has to look more real than the photograph it is paired
with, so that to draw nothing but typical pictures is no longer enough.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.nn import pggan, pggan_discriminator
from pmsfc_jax.nn.layers import downsample_mean, upsample_nearest
from pmsfc_jax.parallel.mesh import DATA
from pmsfc_jax.training.augment import augment, mirror
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.equalised import to_effective, to_raw


class TrainState(NamedTuple):
    """What a step changes. Kernels are those of `pmsfc_jax.training.equalised` (raw)."""

    generator: Params
    discriminator: Params
    average: Params
    generator_optimiser: Any
    discriminator_optimiser: Any


class StepMetrics(NamedTuple):
    """Scalars of one step; ``penalty`` is zero on steps without one."""

    generator_loss: Array
    discriminator_loss: Array
    real_logit: Array
    fake_logit: Array
    penalty: Array


def _optimiser(config: TrainingConfig) -> optax.GradientTransformation:
    return optax.adam(config.learning_rate, b1=config.beta1, b2=0.99)


def _inherit(fresh: Params, old: Params | None) -> Params:
    """``fresh`` with every layer that ``old`` has too, of the same shape, taken from ``old``."""
    if old is None:
        return fresh
    return {
        name: old[name]
        if name in old and jax.tree.map(jnp.shape, old[name]) == jax.tree.map(jnp.shape, layer)
        else layer
        for name, layer in fresh.items()
    }


def start_stage(
    config: TrainingConfig, side: int, fading: bool, key: Key, previous: TrainState | None = None
) -> TrainState:
    """State of a stage at resolution ``side``: new layers drawn, the others inherited.

    The optimisers start anew, as at every growth of the original.
    """
    keys = jax.random.split(key)
    generator = to_raw(pggan.pure_module(config.generator(side, fading)).init(keys[0]))
    discriminator = to_raw(
        pggan_discriminator.pure_module(config.discriminator(side, fading)).init(keys[1])
    )
    average = generator
    if previous is not None:
        average = _inherit(generator, previous.average)
        generator = _inherit(generator, previous.generator)
        discriminator = _inherit(discriminator, previous.discriminator)
    return state_of(config, generator, discriminator, average)


def state_of(
    config: TrainingConfig, generator: Params, discriminator: Params, average: Params
) -> TrainState:
    """A state of these networks (raw kernels) with fresh optimisers."""
    optimiser = _optimiser(config)
    # Buffers are donated to the step, so the average may not share memory with the generator.
    return TrainState(
        generator,
        discriminator,
        jax.tree.map(jnp.copy, average),
        optimiser.init(generator),
        optimiser.init(discriminator),
    )


def _cast(params: Params, dtype: jnp.dtype) -> Params:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), params)


@lru_cache(maxsize=4)
def make_step(
    config: TrainingConfig, side: int, fading: bool, mesh: Mesh | None = None
) -> Callable[..., Any]:
    """Build ``step(state, photographs, key, fade, *, penalised) -> (state, StepMetrics)``, jitted.

    ``photographs [b, side, side, 3]`` is uint8. The state's buffers are donated. ``fade`` is the
    traced share of the lower resolution, used where ``fading``. With ``mesh`` (see
    `pmsfc_jax.parallel.mesh`) each of its devices computes its share of the batch, every quantity
    being that of the whole batch, and the new state is on all of them. Equal arguments give the
    same function, so it is compiled once.
    """
    generator = pggan.pure_module(config.generator(side, fading))
    discriminator = pggan_discriminator.pure_module(config.discriminator(side, fading))
    optimiser = _optimiser(config)
    decay = 0.5 ** (config.batch_size / config.average_half_life)
    relativistic = config.loss == "relativistic"
    dtype, full = jnp.dtype(config.compute_dtype), jnp.dtype("float32")

    def spread(x: Array) -> Array:
        # Latents come from a key that lies on no device in particular; without this every device
        # would draw the whole batch.
        if mesh is None:
            return x
        return jax.lax.with_sharding_constraint(x, NamedSharding(mesh, PartitionSpec(DATA)))

    def sample(params: Params, z: Array, fade: Array) -> Array:
        module = generator.bind(_cast(to_effective(params), dtype))
        share = fade.astype(dtype) if fading else None
        return module.tail(module.head(z.astype(dtype), 0), 0, share).astype(full)

    def judge(params: Params, x: Array, fade: Array, dtype: jnp.dtype = dtype) -> Array:
        module = discriminator.bind(_cast(to_effective(params), dtype))
        return module(x.astype(dtype), fade.astype(dtype) if fading else None).astype(full)

    def seen(key: Key, x: Array) -> Array:
        return augment(key, x, config.augmentations)

    def step(
        state: TrainState, photographs: Array, key: Key, fade: Array, *, penalised: bool
    ) -> tuple[TrainState, StepMetrics]:
        keys = jax.random.split(key, 6)
        real = photographs.astype(jnp.float32) / 127.5 - 1
        real = mirror(keys[0], real)
        if fading:
            real = (1 - fade) * real + fade * upsample_nearest(downsample_mean(real))
        batch = real.shape[0]

        def generator_loss(params: Params) -> tuple[Array, Array]:
            z = spread(jax.random.normal(keys[1], (batch, config.latent_dim)))
            fake = sample(params, z, fade)
            on_fake = judge(state.discriminator, seen(keys[2], fake), fade)
            if not relativistic:
                return jax.nn.softplus(-on_fake).mean(), fake
            on_real = judge(state.discriminator, seen(keys[5], real), fade)
            return jax.nn.softplus(on_real - on_fake).mean(), fake

        (g_loss, fake), g_grad = jax.value_and_grad(generator_loss, has_aux=True)(state.generator)

        def discriminator_loss(params: Params) -> tuple[Array, tuple[Array, Array, Array]]:
            def logits_on(x: Array, *, penalised: bool) -> tuple[Array, Array]:
                """Logits of ``x``, and the mean square of their slope where it is penalised."""
                if not penalised:
                    return judge(params, x, fade), jnp.zeros(())

                def total(x: Array) -> tuple[Array, Array]:
                    # A derivative of a derivative: too much for eight bits of mantissa.
                    logits = judge(params, x, fade, full)
                    return logits.sum(), logits

                gradient, logits = jax.grad(total, has_aux=True)(x)
                return logits, jnp.square(gradient).sum((1, 2, 3)).mean()

            on_real, r1 = logits_on(seen(keys[3], real), penalised=penalised)
            fixed = jax.lax.stop_gradient(fake)
            on_fake, r2 = logits_on(seen(keys[4], fixed), penalised=penalised and relativistic)
            penalty = r1 + r2
            if relativistic:
                loss = jax.nn.softplus(on_fake - on_real).mean()
            else:
                loss = jax.nn.softplus(on_fake).mean() + jax.nn.softplus(-on_real).mean()
            total_loss = loss + 0.5 * config.r1_gamma * config.r1_interval * penalty
            return total_loss, (on_real.mean(), on_fake.mean(), penalty)

        (d_loss, logits), d_grad = jax.value_and_grad(discriminator_loss, has_aux=True)(
            state.discriminator
        )
        # optax computes its bias correction with implicit promotion, which our tests forbid.
        with jax.numpy_dtype_promotion("standard"):
            g_update, g_optimiser = optimiser.update(g_grad, state.generator_optimiser)
            d_update, d_optimiser = optimiser.update(d_grad, state.discriminator_optimiser)
        new = optax.apply_updates(state.generator, g_update)
        average = jax.tree.map(lambda a, w: decay * a + (1 - decay) * w, state.average, new)
        state = TrainState(
            new,
            optax.apply_updates(state.discriminator, d_update),
            average,
            g_optimiser,
            d_optimiser,
        )
        return state, StepMetrics(g_loss, d_loss, *logits)

    everywhere = None if mesh is None else NamedSharding(mesh, PartitionSpec())
    return jax.jit(step, static_argnames="penalised", donate_argnums=0, out_shardings=everywhere)
