"""The Gram matrix of a generator's features, streamed over latents.

Everything in discovery but the image term of equation 4 sees the features only through this
``[C, C]`` matrix, so the samples themselves are never held.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Key, Progress


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
    the product of channels i and j. Batch ``i`` draws ``batch_size`` latents with
    ``fold_in(key, i)``; of the last batch only as many count as are still missing, so a smaller
    ``num_samples`` uses a prefix of the same samples. Memory does not depend on ``num_samples``:
    each batch is multiplied out in float32 at the highest precision, the batches are added up in
    float64 on the host. Compiled once per generator, layer and batch size.

    Args:
      generator: the generator; its fields are hashable, as `SplitGenerator` asks.
      params: its weights.
      layer: the cut, 0 to ``generator.spec.num_layers - 1``.
      key: a jax random key.
      num_samples: how many latents to draw, at least 1.
      batch_size: latents a step; it decides which samples are drawn, and the memory needed.
      on_progress: called as ``on_progress(done, num_samples)`` after every batch.

    Returns:
      The Gram matrix ``[C, C]``, symmetric, float32 (float64 where ``jax_enable_x64`` is on).

    Raises:
      InputError: no such layer, a count below 1, or features that are not finite.
    """
    channels = generator.spec.feature_shape(layer)[-1]
    num_samples = positive_int(num_samples, "num_samples")
    batch_size = positive_int(batch_size, "batch_size")

    total = np.zeros((channels, channels), np.float64)
    done = 0
    in_flight: tuple[Array, int] | None = None

    def finish(batch: tuple[Array, int]) -> None:
        nonlocal done
        total[...] += np.asarray(batch[0])
        done += batch[1]
        if on_progress is not None:
            on_progress(done, num_samples)

    for index, start in enumerate(range(0, num_samples, batch_size)):
        count = min(batch_size, num_samples - start)
        partial_sum = _batch_gram(
            generator, params, key, np.uint32(index), np.int32(count), layer, batch_size
        )
        # The device works on this batch while the host adds the one before it.
        if in_flight is not None:
            finish(in_flight)
        in_flight = (partial_sum, count)
    if in_flight is not None:
        finish(in_flight)

    if not np.all(np.isfinite(total)):
        raise InputError(
            f"{generator.spec.name} gives features that are not finite at layer {layer}: check its "
            "weights"
        )
    mean = total / num_samples
    return jnp.asarray((mean + mean.T) / 2)


@partial(jax.jit, static_argnames=("generator", "layer", "batch_size"))
def _batch_gram(
    generator: SplitGenerator,
    params: Any,
    key: Key,
    index: Array,
    count: Array,
    layer: int,
    batch_size: int,
) -> Array:
    """Sum over the first ``count`` latents of batch ``index`` of ``F^T F / (H W)``, ``[C, C]``."""
    with jax.default_matmul_precision("highest"):
        z = generator.draw(params, jax.random.fold_in(key, index), batch_size)
        features, _ = generator.head(params, z, layer=layer)
        _, height, width, channels = features.shape
        counted = (jnp.arange(batch_size) < count)[:, None, None, None]
        # Selected, not multiplied by zero: a sample that does not count may not spoil the sum.
        rows = jnp.where(counted, features.astype(jnp.float32), jnp.float32(0))
        rows = rows.reshape(-1, channels)
        return jnp.einsum("nc,nd->cd", rows, rows) / jnp.float32(height * width)
