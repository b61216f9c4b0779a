"""Targets and a partition for the tiny generator."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.subspace import DiscoverySettings, Subspaces, masks_from_labels


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
def targets(tiny):
    """Five pictures that the generator can draw, in [-1, 1]."""
    generator, params = tiny
    z = generator.spec.latent_prior(jax.random.key(3), 5)
    return np.tanh(np.asarray(jax.jit(lambda p: generator(p, z))(params)))
