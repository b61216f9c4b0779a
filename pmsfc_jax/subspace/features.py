"""What discovery knows of a generator's features: mean products and means, streamed over latents.

Everything but the image term of equation 6 sees the features only through the Gram matrix
``[C, C]``, so the features themselves are never held.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Key, Params, Progress


class FeatureSample(NamedTuple):
    """Which features are looked at.

    Batch ``i`` draws ``batch_size`` latents with ``fold_in(key, i)``; of the last batch only as
    many count as are still missing, so a smaller ``num_samples`` uses a prefix of the same latents.

    Attributes:
      cut: the generator and its layer.
      params: its weights.
      key: a jax random key.
      num_samples: how many latents to draw.
      batch_size: latents a step; it decides which are drawn, and the memory needed.
    """

    cut: Cut
    params: Params
    key: Key
    num_samples: int
    batch_size: int

    def batches(self) -> Iterator[tuple[np.uint32, int]]:
        """The index of every batch, and how many of its latents count."""
        for index, start in enumerate(range(0, self.num_samples, self.batch_size)):
            yield np.uint32(index), min(self.batch_size, self.num_samples - start)


def feature_gram(
    generator: SplitGenerator,
    params: Any,
    *,
    layer: int,
    key: Key,
    num_samples: int,
    batch_size: int = 64,
    on_progress: Progress | None = None,
) -> Array:
    """Mean over latents of ``F(z)^T F(z) / (H W)``.

    ``F(z)`` is the feature ``[H W, C]`` at ``layer``, a channel a column, not centred (equation 4
    expresses the features themselves). Entry (i, j) is thus the mean over latents and positions of
    the product of channels i and j. Memory does not depend on ``num_samples``: each batch is
    multiplied out in float32 at the highest precision, the batches are added up in float64 on the
    host. Compiled once per generator, layer and batch size.

    Args:
      generator: the generator.
      params: its weights.
      layer: the cut, 0 to ``generator.spec.num_layers - 1``.
      key: a jax random key.
      num_samples: how many latents to draw, at least 1.
      batch_size: latents a step, see `FeatureSample`.
      on_progress: called as ``on_progress(done, num_samples)`` after every batch.

    Returns:
      The Gram matrix ``[C, C]``, symmetric, float32 (float64 where ``jax_enable_x64`` is on).

    Raises:
      InputError: no such layer, a count below 1, or features that are not finite.
    """
    return gram_of(_sample(generator, params, layer, key, num_samples, batch_size), on_progress)


def feature_mean(
    generator: SplitGenerator,
    params: Any,
    *,
    layer: int,
    key: Key,
    num_samples: int,
    batch_size: int = 64,
) -> Array:
    """Mean of every channel over latents and positions, ``[C]`` float32.

    With the same ``key``, ``num_samples`` and ``batch_size`` it is taken on the same latents as
    `feature_gram`.

    Args:
      generator: the generator.
      params: its weights.
      layer: the cut.
      key: a jax random key.
      num_samples: how many latents to draw, at least 1.
      batch_size: latents a step, see `FeatureSample`.

    Raises:
      InputError: no such layer, or a count below 1.
    """
    return mean_of(_sample(generator, params, layer, key, num_samples, batch_size))


def gram_of(sample: FeatureSample, on_progress: Progress | None = None) -> Array:
    """`feature_gram` of a sample.

    Raises:
      InputError: the features are not finite.
    """
    cut = sample.cut
    total = np.zeros((cut.channels, cut.channels))
    done = 0
    in_flight: tuple[Array, int] | None = None

    def finish(batch: tuple[Array, int]) -> None:
        nonlocal done
        total[...] += np.asarray(batch[0])
        done += batch[1]
        if on_progress is not None:
            on_progress(done, sample.num_samples)

    for index, count in sample.batches():
        products = _batch_gram(
            cut, sample.params, sample.key, index, np.int32(count), sample.batch_size
        )
        # The device works on this batch while the host adds the one before it.
        if in_flight is not None:
            finish(in_flight)
        in_flight = (products, count)
    if in_flight is not None:
        finish(in_flight)

    if not np.all(np.isfinite(total)):
        raise InputError(
            f"{cut.generator.spec.name} gives features that are not finite at layer {cut.layer}: "
            "check its weights"
        )
    mean = total / sample.num_samples
    return jnp.asarray((mean + mean.T) / 2)


def mean_of(sample: FeatureSample) -> Array:
    """`feature_mean` of a sample."""
    total = np.zeros(sample.cut.channels)
    for index, count in sample.batches():
        means = _batch_means(sample.cut, sample.params, sample.key, index, sample.batch_size)
        total += np.asarray(means, np.float64)[:count].sum(axis=0)
    return jnp.asarray((total / sample.num_samples).astype(np.float32))


def _sample(
    generator: SplitGenerator,
    params: Params,
    layer: int,
    key: Key,
    num_samples: int,
    batch_size: int,
) -> FeatureSample:
    return FeatureSample(
        Cut(generator, layer),
        params,
        key,
        positive_int(num_samples, "num_samples"),
        positive_int(batch_size, "batch_size"),
    )


def _features(cut: Cut, params: Params, key: Key, index: Array, batch_size: int) -> Array:
    latent = cut.generator.draw(params, jax.random.fold_in(key, index), batch_size)
    features, _ = cut.head(params, latent)
    return features.astype(jnp.float32)


@partial(jax.jit, static_argnames=("cut", "batch_size"))
def _batch_gram(
    cut: Cut, params: Params, key: Key, index: Array, count: Array, batch_size: int
) -> Array:
    """Sum over the first ``count`` latents of batch ``index`` of ``F^T F / (H W)``, ``[C, C]``."""
    with jax.default_matmul_precision("highest"):
        features = _features(cut, params, key, index, batch_size)
        _, height, width, channels = features.shape
        counted = (jnp.arange(batch_size) < count)[:, None, None, None]
        # Selected, not multiplied by zero: a sample that does not count may not spoil the sum.
        rows = jnp.where(counted, features, jnp.float32(0)).reshape(-1, channels)
        return jnp.einsum("nc,nd->cd", rows, rows) / jnp.float32(height * width)


@partial(jax.jit, static_argnames=("cut", "batch_size"))
def _batch_means(cut: Cut, params: Params, key: Key, index: Array, batch_size: int) -> Array:
    """``[batch_size, C]``: of each latent of batch ``index``."""
    return _features(cut, params, key, index, batch_size).mean(axis=(1, 2))
