"""What a training step changes, and how it begins: at the start of a run and of each stage."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from pmsfc_jax.core.typing import Key, Params
from pmsfc_jax.nn import pggan, pggan_discriminator
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.equalised import to_raw


class TrainState(NamedTuple):
    """What a step changes. Kernels are those of `pmsfc_jax.training.equalised` (raw)."""

    generator: Params
    discriminator: Params
    average: Params
    generator_optimiser: Any
    discriminator_optimiser: Any


def adam(config: TrainingConfig) -> optax.GradientTransformation:
    """The optimiser of either network."""
    return optax.adam(config.learning_rate, b1=config.beta1, b2=0.99)


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
    optimiser = adam(config)
    # Buffers are donated to the step, so the average may not share memory with the generator.
    return TrainState(
        generator,
        discriminator,
        jax.tree.map(jnp.copy, average),
        optimiser.init(generator),
        optimiser.init(discriminator),
    )


def _inherit(fresh: Params, old: Params) -> Params:
    """``fresh`` with every layer that ``old`` has too, of the same shape, taken from ``old``."""
    return {
        name: old[name]
        if name in old and jax.tree.map(jnp.shape, old[name]) == jax.tree.map(jnp.shape, layer)
        else layer
        for name, layer in fresh.items()
    }
