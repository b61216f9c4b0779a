"""A linear generator whose channels paint known pixels, and plain loops that measure it."""

from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.generator import GeneratorSpec, SplitGenerator, latent_vector, normal_prior

LATENT, CHANNELS = 4, 6
HEIGHT, WIDTH = 6, 9
#: Channels 0 to 2 paint the left part red to yellow, 3 and 4 the right part grey, 5 nothing.
LABELS = np.array([0, 0, 0, 1, 1, 1])
LEFT, RIGHT = slice(0, 3), slice(5, 9)


class Painter(NamedTuple):
    generator: SplitGenerator
    params: dict[str, np.ndarray]


@cache
def painter(*, with_context: bool = False) -> Painter:
    """``x = sum_c mean(h_c) * paint_c``; with a context, the source's first latent is added."""
    rng = np.random.default_rng(3)
    paint = np.zeros((CHANNELS, HEIGHT, WIDTH, 3), np.float32)
    paint[:3, :, LEFT, :2] = rng.uniform(0.1, 1, (3, HEIGHT, 3, 2))
    paint[3:5, :, RIGHT, :] = rng.uniform(0.1, 1, (2, HEIGHT, 4, 1))
    params = {"head": rng.standard_normal((LATENT, CHANNELS)).astype(np.float32), "paint": paint}

    def head(params: Any, z: Any, *, layer: int) -> Any:
        features = (z @ params["head"])[:, None, None, :] * jnp.ones((1, 2, 2, 1))
        return features, (z[:, 0] if with_context else None)

    def tail(params: Any, h: Any, context: Any, *, layer: int) -> Any:
        picture = jnp.einsum("bc,chwk->bhwk", h.mean((1, 2)), params["paint"])
        return picture if context is None else picture + context[:, None, None, None]

    spec = GeneratorSpec(
        name="painter",
        latent=latent_vector(LATENT),
        image_shape=(HEIGHT, WIDTH, 3),
        feature_shapes=((2, 2, CHANNELS),),
        prior=normal_prior(LATENT),
    )
    return Painter(SplitGenerator(spec, head, tail), params)


def latents(key: Any, num_pairs: int, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """The codes ``[P, d]`` that `exchange_batches` draws for sources and partners."""
    edges = [*range(0, num_pairs, batch_size), num_pairs]
    drawn: list[list[np.ndarray]] = [[], []]
    for index, (start, stop) in enumerate(pairwise(edges)):
        for stream in range(2):
            own = jax.random.fold_in(jax.random.fold_in(key, index), stream)
            z = np.asarray(jax.random.normal(own, (batch_size, LATENT), jnp.float32), np.float64)
            drawn[stream].append(z[: stop - start])
    return np.concatenate(drawn[0]), np.concatenate(drawn[1])


def pictures(params: dict[str, np.ndarray], coefficients: np.ndarray) -> np.ndarray:
    """``[P, H, W, 3]`` in float64 of per-channel values ``[P, C]``, by a loop over channels."""
    found = np.zeros((len(coefficients), HEIGHT, WIDTH, 3))
    for number, row in enumerate(coefficients):
        for channel, value in enumerate(row):
            found[number] += value * params["paint"][channel].astype(np.float64)
    return found


def expected_changes(
    params: dict[str, np.ndarray], masks: np.ndarray, z_a: np.ndarray, z_b: np.ndarray
) -> np.ndarray:
    """``[P, R, H, W, 3]``: what exchanging each subspace changes."""
    weights = params["head"].astype(np.float64)
    a, b = z_a @ weights, z_b @ weights
    return np.stack([pictures(params, (b - a) * mask) for mask in np.asarray(masks)], axis=1)
