"""A generator small enough to repeat in numpy, whose channels form known subspaces."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.generator import GeneratorSpec, SplitGenerator, latent_vector, normal_prior

LATENT, HEIGHT, WIDTH = 6, 5, 4
GROUP_SIZES, GROUP_DIMENSION = (9, 6, 5), 2
SLOPE = 0.2


class Tiny(NamedTuple):
    generator: SplitGenerator
    params: dict[str, np.ndarray]
    labels: np.ndarray  # of layer 0
    head_calls: list[int]  # the layer of every call of head, so of every trace

    def features(self, key: Any, num: int, layer: int) -> np.ndarray:
        """``[num * H * W, C]`` in float64, computed without jax from one batch's key."""
        z = np.asarray(self.generator.spec.prior.draw(key, num), np.float64)
        sources = z @ np.asarray(self.params["sources"], np.float64)
        sources = sources.reshape(num * HEIGHT * WIDTH, -1)
        sources = np.where(sources > 0, sources, SLOPE * sources)
        mixed = sources @ np.asarray(self.params["mixing"], np.float64)
        if layer == 1:
            mixed = np.where(mixed > 0, mixed, SLOPE * mixed)
        return mixed


@pytest.fixture
def tiny(tiny_once: Tiny) -> Tiny:
    """The generator with no calls counted yet; traces of other tests may still be cached."""
    tiny_once.head_calls.clear()
    return tiny_once


@pytest.fixture(scope="session")
def tiny_once() -> Tiny:
    """Layer 0 mixes maps within groups of channels; layer 1 is its leaky ReLU."""
    rng = np.random.default_rng(7)
    labels = rng.permutation(np.repeat(np.arange(len(GROUP_SIZES)), GROUP_SIZES))
    num_sources = len(GROUP_SIZES) * GROUP_DIMENSION
    mixing = np.zeros((num_sources, labels.size))
    for group, size in enumerate(GROUP_SIZES):
        rows = slice(group * GROUP_DIMENSION, (group + 1) * GROUP_DIMENSION)
        mixing[rows, labels == group] = rng.standard_normal((GROUP_DIMENSION, size))
    params = {
        "sources": rng.standard_normal((LATENT, HEIGHT * WIDTH * num_sources)).astype(np.float32),
        "mixing": mixing.astype(np.float32),
        "to_rgb": rng.standard_normal((labels.size, 3)).astype(np.float32),
    }
    calls: list[int] = []

    def head(params, z, *, layer):
        calls.append(layer)
        sources = jax.nn.leaky_relu(z @ params["sources"], SLOPE)
        features = sources.reshape(z.shape[0], HEIGHT, WIDTH, -1) @ params["mixing"]
        return (jax.nn.leaky_relu(features, SLOPE) if layer == 1 else features), None

    def tail(params, features, context, *, layer):
        if layer == 0:
            features = jax.nn.leaky_relu(features, SLOPE)
        return jnp.tanh(features @ params["to_rgb"])

    shape = (HEIGHT, WIDTH, labels.size)
    spec = GeneratorSpec(
        name="tiny",
        latent=latent_vector(LATENT),
        image_shape=(HEIGHT, WIDTH, 3),
        feature_shapes=(shape, shape),
        prior=normal_prior(LATENT),
    )
    return Tiny(SplitGenerator(spec, head, tail), params, labels, calls)
