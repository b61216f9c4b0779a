"""Parts of a generator's pictures, found over random codes and looked up in any picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Key, Params, Progress
from pmsfc_jax.tasks.edit.directions.samples import sample_features
from pmsfc_jax.tasks.edit.parts.spherical_kmeans import nearest, spherical_kmeans, unit_rows
from pmsfc_jax.tasks.edit.region import feathered

NUM_SAMPLES = 128


@dataclass(frozen=True, eq=False)
class Parts:
    """Parts of the pictures of one generator, cut at one layer.

    Attributes:
      layer: the cut.
      centres: ``[P, C]`` unit vectors, float32: where the channels of each part point.
      generator: name of the generator.
      identity: hash of its stored weights; empty where they never were stored.
      smoothed: whether a position is looked at together with its neighbours. Transposed
        convolutions draw even and odd pixels by different kernels, which makes parts that are the
        squares of a chessboard otherwise.
      about: how they were found, as JSON values; ``shares`` of the positions of the samples,
        ``cohesion``, ``num_samples``, ``seed``.

    """

    layer: int
    centres: np.ndarray
    generator: str = ""
    identity: str = ""
    smoothed: bool = True
    about: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.centres)

    def __repr__(self) -> str:
        return f"<{len(self)} parts of {self.generator or 'a generator'} at layer {self.layer}>"

    def labels(self, h: np.ndarray) -> np.ndarray:
        """The part of every position of features ``[..., H, W, C]``: ``[..., H, W]`` int."""
        return nearest(unit_rows(_seen(h, self.smoothed)), self.centres)

    def region(self, h: np.ndarray, numbers: Sequence[int], *, feather: bool = True) -> np.ndarray:
        """Where some parts of one picture are, ``[H, W]`` in [0, 1].

        Args:
          h: composed features of the picture, ``[H, W, C]``.
          numbers: of parts, from 0.
          feather: whether borders fade.

        Raises:
          InputError: a part that there is not, or none of them is in the picture.

        """
        for number in numbers:
            if not 0 <= number < len(self):
                raise InputError(
                    f"there is no part {number}: there are {len(self)}, counted from 0"
                )
        region = np.isin(self.labels(h), list(numbers)).astype(np.float32)
        if not region.any():
            named = " and ".join(map(str, numbers))
            raise InputError(f"part {named} covers nothing of the picture: choose another one")
        return feathered(region) if feather else region


def find_parts(
    generator: SplitGenerator,
    params: Params,
    *,
    layer: int,
    num_parts: int,
    key: Key,
    num_samples: int = NUM_SAMPLES,
    seed: int = 0,
    smooth: bool = True,
    on_progress: Progress | None = None,
) -> Parts:
    """Find parts in the features of random codes, the most frequent one first.

    Args:
      generator: the generator.
      params: its weights.
      layer: the cut.
      num_parts: P.
      key: a jax random key, of the codes.
      num_samples: codes; all their features are held at once.
      seed: of the starts of k-means.
      smooth: see `Parts`.
      on_progress: called as ``on_progress(done, num_samples)``.

    Raises:
      InputError: no such layer, or a count below 1.

    """
    num_parts = positive_int(num_parts, "num_parts")
    cut = Cut(generator, layer)
    features = sample_features(cut, params, key, num_samples, on_progress=on_progress)
    rows = _seen(features, smooth)
    groups = spherical_kmeans(rows.reshape(-1, cut.channels), num_parts, seed=seed)
    shares = np.bincount(groups.labels, minlength=num_parts) / len(groups.labels)
    return Parts(
        layer,
        groups.centres.astype(np.float32),
        generator.spec.name,
        generator.spec.identity,
        smooth,
        {
            "shares": np.round(shares, 6).tolist(),
            "cohesion": groups.cohesion,
            "num_samples": num_samples,
            "seed": seed,
        },
    )


def _seen(h: np.ndarray, smooth: bool) -> np.ndarray:
    """Features as k-means sees them, float32."""
    h = np.asarray(h, np.float32)
    return feathered(h, (-3, -2)) if smooth else h


def check_parts(generator: SplitGenerator, parts: Parts, layer: int) -> None:
    """Check that parts can be looked up in pictures of ``generator`` cut at ``layer``.

    Raises:
      InputError: they are of other weights, another layer, or another number of channels.

    """
    spec = generator.spec
    if parts.identity and spec.identity and parts.identity != spec.identity:
        raise InputError(
            f"these parts are of {parts.generator} (weights {parts.identity[:12]}), not of "
            f"{spec.name} (weights {spec.identity[:12]})"
        )
    channels = spec.feature_shape(layer)[-1]
    if parts.layer != layer or parts.centres.shape[1] != channels:
        raise InputError(
            f"these parts are of layer {parts.layer} ({parts.centres.shape[1]} channels) and the "
            f"pictures were cut at layer {layer} ({channels} channels): find parts there"
        )


def sample_pictures(
    generator: SplitGenerator, params: Params, parts: Parts, *, key: Key, num: int
) -> tuple[np.ndarray, np.ndarray]:
    """Random pictures ``[num, H, W, 3]`` in [-1, 1], and their parts ``[num, h, w]`` at the cut."""
    cut = Cut(generator, parts.layer)

    def draw(params: Params, key: Key) -> Any:
        h, context = cut.head(params, generator.draw(params, key, num))
        return h, cut.tail(params, h, context)

    h, pictures = jax.tree.map(np.asarray, jax.jit(draw)(params, key))
    return pictures, parts.labels(h)
