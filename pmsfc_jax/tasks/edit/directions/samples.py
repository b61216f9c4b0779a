"""Samples of a generator, of which directions are found: codes, and features at a cut."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Key, Params, Progress

_BATCH = 32


def sample_features(
    cut: Cut,
    params: Params,
    key: Key,
    num: int,
    *,
    channels: np.ndarray | None = None,
    on_progress: Progress | None = None,
) -> np.ndarray:
    """Features at the cut of ``num`` random codes, ``[num, H, W, c]`` float32.

    Args:
      cut: the generator and its layer.
      params: its weights.
      key: a jax random key.
      num: how many.
      channels: which are kept; all by default.
      on_progress: called as ``on_progress(done, num)``.

    """
    num = positive_int(num, "num_samples")
    parts: list[np.ndarray] = []
    for start in range(0, num, _BATCH):
        batch = np.asarray(_batch(cut, params, jax.random.fold_in(key, start // _BATCH)))
        kept = batch if channels is None else batch[..., channels]
        parts.append(kept[: num - start])
        if on_progress is not None:
            on_progress(min(start + _BATCH, num), num)
    return np.concatenate(parts)


def sample_codes(generator: SplitGenerator, params: Params, key: Key, num: int) -> Any:
    """``num`` codes of the prior, leaves ``[num, ...]`` of numpy."""
    drawn = generator.draw(params, key, positive_int(num, "num_samples"))
    return jax.tree.map(np.asarray, drawn)


@partial(jax.jit, static_argnames="cut")
def _batch(cut: Cut, params: Params, key: Key) -> Array:
    with jax.default_matmul_precision("highest"):
        features, _ = cut.head(params, cut.generator.draw(params, key, _BATCH))
    return features.astype(jnp.float32)
