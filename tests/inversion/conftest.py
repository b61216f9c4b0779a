"""Targets and a partition for the tiny generator."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.masks import masks_from_labels
from pmsfc_jax.inversion.batch import invert
from pmsfc_jax.inversion.compose import initial_codes
from pmsfc_jax.inversion.resume import Resume, Stopped
from pmsfc_jax.nn import pggan
from pmsfc_jax.subspace import DiscoverySettings, Subspaces


def partition(labels, layer):
    """Subspaces with given labels, as if they had been discovered."""
    count = int(max(labels)) + 1
    channels = len(labels)
    return Subspaces(
        layer=layer,
        labels=jnp.asarray(labels, jnp.int32),
        masks=masks_from_labels(np.asarray(labels, np.int32), count),
        eigenvalues=jnp.zeros(channels),
        coefficients=jnp.zeros((channels, channels)),
        isolated=jnp.zeros(channels, bool),
        residual=0.0,
        held_out_residual=0.0,
        settings=DiscoverySettings("tiny", 1, 1, 1, "ridge", 0.0, None, None, 1.0, 1),
    )


@pytest.fixture(scope="session")
def subspaces():
    """Three uneven subspaces of the twelve channels of layer 2."""
    return partition([0, 1, 2, 0, 1, 0, 0, 1, 2, 0, 1, 0], layer=2)


@pytest.fixture(scope="session")
def small():
    """A generator of 8x8 pictures, quicker to compile for: ``(generator, params)``."""
    config = pggan.PGGANConfig(latent_dim=6, widths=(6, 6, 4, 4))
    return pggan.split_generator(config, "small"), pggan.pure_module(config).init(jax.random.key(7))


@pytest.fixture(scope="session")
def small_targets(small):
    """Three pictures of noise, in [-1, 1]."""
    shape = small[0].spec.image_shape
    return np.random.default_rng(0).uniform(-1, 1, (3, *shape)).astype(np.float32)


@pytest.fixture(scope="session")
def targets(tiny):
    """Five pictures that the generator can draw, in [-1, 1]."""
    generator, params = tiny
    z = generator.spec.prior.draw(jax.random.key(3), 5)
    return np.tanh(np.asarray(jax.jit(lambda p: generator(p, z))(params)))


def drawn_codes(generator, method="pmsfc"):
    """Starting codes of two pictures at layer 2, two codes in each of three subspaces."""
    return initial_codes(
        generator,
        jax.random.split(jax.random.key(1), 2),
        layer=2,
        num_subspaces=3,
        codes_per_subspace=2,
        method=method,
    )


def assert_same_bits(ours, expected):
    """Two results are equal but for the time they took."""
    for name in expected._fields:
        if name != "seconds":
            np.testing.assert_array_equal(getattr(ours, name), getattr(expected, name), name)


class Memory:
    """Keeps snapshots in a dictionary, as copies."""

    def __init__(self, due=True):
        self.kept, self.steps, self._due = {}, [], due

    def resume(self):
        return Resume(
            load=lambda name, shapes: self.kept.get(name),
            save=self.save,
            due=lambda: self._due,
            clear=lambda name: self.kept.pop(name, None),
        )

    def save(self, name, snapshot):
        self.steps.append(snapshot.step)
        self.kept[name] = jax.tree.map(np.copy, snapshot)


def stop_after(calls):
    """Says stop when it has been asked ``calls`` times."""
    asked = itertools.count()
    return lambda: next(asked) >= calls


def stopped_after(calls, small, targets, key, config, memory=None):
    """What an inversion keeps that is told to stop when it has asked ``calls`` times."""
    memory = memory or Memory(due=False)
    with pytest.raises(Stopped):
        invert(
            *small,
            targets,
            key=key,
            config=config,
            resume=memory.resume(),
            should_stop=stop_after(calls),
        )
    return memory
