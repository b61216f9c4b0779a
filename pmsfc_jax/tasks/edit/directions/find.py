"""Find directions: principal components, the closed form of SeFa, boundaries between labels.

An amount of 1 is one standard deviation of what is moved, along the direction.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Key, Params, Progress
from pmsfc_jax.tasks.edit.directions.boundary import held_out_accuracy, linear_boundary
from pmsfc_jax.tasks.edit.directions.components import (
    closed_form,
    deviations_along,
    principal_components,
)
from pmsfc_jax.tasks.edit.directions.directions import Directions
from pmsfc_jax.tasks.edit.directions.samples import sample_codes, sample_features
from pmsfc_jax.tasks.edit.features import gate

NUM_SAMPLES = 512


def feature_components(
    generator: SplitGenerator,
    params: Params,
    *,
    layer: int,
    key: Key,
    num: int,
    subspaces: Sequence[int] | None = None,
    masks: np.ndarray | None = None,
    num_samples: int = NUM_SAMPLES,
    on_progress: Progress | None = None,
) -> Directions:
    """Principal components of features at a cut, or of some subspaces of them, over random codes.

    Args:
      generator: the generator.
      params: its weights.
      layer: the cut.
      key: a jax random key.
      num: how many.
      subspaces: of which the components are; all channels by default.
      masks: of all subspaces ``[R, C]``, where ``subspaces`` are given.
      num_samples: codes; all their features are held at once.
      on_progress: called as ``on_progress(done, num_samples)``.

    Raises:
      InputError: no such layer or subspace, or fewer samples than components.

    """
    cut = Cut(generator, layer)
    channels = _channels(cut, subspaces, masks)
    features = sample_features(
        cut, params, key, num_samples, channels=channels, on_progress=on_progress
    )
    found = principal_components(features.reshape(num_samples, -1), num)
    steps = np.zeros((num, *cut.feature_shape), np.float32)
    scaled = found.directions * found.deviations[:, None]
    steps[..., channels] = scaled.reshape(num, *features.shape[1:])
    about = {"method": "components", "shares": found.shares.tolist(), "num_samples": num_samples}
    return _of_features(cut, steps, subspaces, about)


def latent_components(
    generator: SplitGenerator,
    params: Params,
    *,
    key: Key,
    num: int,
    num_samples: int = NUM_SAMPLES,
) -> Directions:
    """Principal components of latent codes, for families that map noise to codes (GANSpace's w).

    Raises:
      InputError: the family's codes are the noise itself, which varies alike in all directions.

    """
    if generator.mapping is None:
        raise InputError(
            f"codes of {generator.spec.name} vary alike in all directions: take the components of "
            "features, or the closed form"
        )
    rows = rows_of(sample_codes(generator, params, key, num_samples))
    found = principal_components(rows, num)
    about = {"method": "components", "shares": found.shares.tolist(), "num_samples": num_samples}
    return _of_codes(generator, found.directions * found.deviations[:, None], about)


def feature_closed_form(
    generator: SplitGenerator,
    params: Params,
    weights: np.ndarray,
    *,
    layer: int,
    key: Key,
    num: int,
    subspaces: Sequence[int] | None = None,
    masks: np.ndarray | None = None,
    num_samples: int = NUM_SAMPLES,
) -> Directions:
    """What the weights that read the feature stretch most, the same at every position.

    Args:
      generator: the generator.
      params: its weights.
      weights: ``[m, C]``, see `pmsfc_jax.nn.reading.reading_feature`.
      layer: the cut.
      key: a jax random key, of the samples whose deviation along each direction is its unit.
      num: how many.
      subspaces: to which they are limited; all channels by default.
      masks: of all subspaces ``[R, C]``, where ``subspaces`` are given.
      num_samples: codes.

    Raises:
      InputError: no such layer or subspace, or more directions than channels.

    """
    cut = Cut(generator, layer)
    channels = _channels(cut, subspaces, masks)
    found = closed_form(weights[:, channels], num)
    features = sample_features(cut, params, key, num_samples, channels=channels)
    units = deviations_along(features.reshape(-1, len(channels)), found.directions)
    steps = np.zeros((num, 1, 1, cut.channels), np.float32)
    steps[:, 0, 0, channels] = found.directions * units[:, None]
    about = {"method": "sefa", "shares": found.shares.tolist()}
    return _of_features(cut, steps, subspaces, about)


def latent_closed_form(
    generator: SplitGenerator,
    params: Params,
    weights: np.ndarray,
    *,
    key: Key,
    num: int,
    num_samples: int = NUM_SAMPLES,
) -> Directions:
    """What the weights that read a code stretch most (SeFa).

    Args:
      generator: the generator.
      params: its weights.
      weights: ``[m, d]``, see `pmsfc_jax.nn.reading.reading_code`.
      key: a jax random key, of the samples whose deviation along each direction is its unit.
      num: how many.
      num_samples: codes.

    Raises:
      InputError: more directions than a code has numbers.

    """
    found = closed_form(weights, num)
    rows = rows_of(sample_codes(generator, params, key, num_samples))
    units = deviations_along(rows, found.directions)
    about = {"method": "sefa", "shares": found.shares.tolist()}
    return _of_codes(generator, found.directions * units[:, None], about)


def feature_boundaries(
    generator: SplitGenerator,
    features: np.ndarray,
    labels: Mapping[str, np.ndarray],
    *,
    layer: int,
    subspaces: Sequence[int] | None = None,
    masks: np.ndarray | None = None,
) -> Directions:
    """Directions across the boundary between pictures with a label and those without.

    Args:
      generator: whose features they are.
      features: composed features ``[n, H, W, C]``, one a picture.
      labels: ``[n]`` of 1, 0 and NaN for unknown, by name.
      layer: the cut.
      subspaces: to which they are limited; all channels by default.
      masks: of all subspaces ``[R, C]``, where ``subspaces`` are given.

    Raises:
      InputError: a name whose labels are all the same; no such subspace.

    """
    cut = Cut(generator, layer)
    channels = _channels(cut, subspaces, masks)
    rows = features[..., channels].reshape(len(features), -1)
    vectors, about = _boundaries(rows, labels)
    steps = np.zeros((len(labels), *cut.feature_shape), np.float32)
    steps[..., channels] = vectors.reshape(len(labels), *features.shape[1:3], len(channels))
    return _of_features(cut, steps, subspaces, about, tuple(labels))


def latent_boundaries(
    generator: SplitGenerator, codes: Any, labels: Mapping[str, np.ndarray]
) -> Directions:
    """As `feature_boundaries`, of latent codes, leaves ``[n, ...]``, one a picture (InterFaceGAN).

    Raises:
      InputError: a name whose labels are all the same.

    """
    vectors, about = _boundaries(rows_of(codes), labels)
    return _of_codes(generator, vectors, about, tuple(labels))


def rows_of(codes: Any) -> np.ndarray:
    """Codes, leaves ``[n, ...]``, as rows ``[n, d]``."""
    leaves = jax.tree.leaves(codes)
    return np.concatenate([np.asarray(leaf).reshape(len(leaf), -1) for leaf in leaves], axis=1)


def _boundaries(
    rows: np.ndarray, labels: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, Any]]:
    """A step of one deviation across each boundary, ``[n, d]``, and how good each is."""
    steps, accuracy, counts = [], {}, {}
    for name, values in labels.items():
        known = ~np.isnan(values)
        positive = values[known] > 0
        try:
            normal = linear_boundary(rows[known], positive).normal
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        unit = normal / np.linalg.norm(normal)
        steps.append(unit * deviations_along(rows[known], unit[None])[0])
        accuracy[name] = held_out_accuracy(rows[known], positive)
        counts[name] = [int(positive.sum()), int((~positive).sum())]
    about = {"method": "labels", "held_out_accuracy": accuracy, "with_and_without": counts}
    return np.stack(steps), about


def _channels(cut: Cut, subspaces: Sequence[int] | None, masks: np.ndarray | None) -> np.ndarray:
    if subspaces is None:
        return np.arange(cut.channels)
    if masks is None or np.shape(masks)[-1] != cut.channels:
        raise InputError(
            f"to be limited to subspaces, directions need a partition of the {cut.channels} "
            f"channels at layer {cut.layer}"
        )
    return np.flatnonzero(gate(subspaces, masks)[0, 0])


def _of_features(
    cut: Cut,
    steps: np.ndarray,
    subspaces: Sequence[int] | None,
    about: dict[str, Any],
    names: tuple[str, ...] = (),
) -> Directions:
    spec = cut.generator.spec
    return Directions(
        "feature",
        steps,
        names or tuple(str(number) for number in range(len(steps))),
        layer=cut.layer,
        subspaces=None if subspaces is None else tuple(subspaces),
        generator=spec.name,
        identity=spec.identity,
        about=about,
    )


def _of_codes(
    generator: SplitGenerator,
    rows: np.ndarray,
    about: dict[str, Any],
    names: tuple[str, ...] = (),
) -> Directions:
    spec = generator.spec
    leaves, structure = jax.tree.flatten(spec.latent)
    ends = np.cumsum([int(np.prod(leaf.shape)) for leaf in leaves])[:-1]
    parts = np.split(rows.astype(np.float32), ends, axis=1)
    steps = [part.reshape(-1, *leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
    return Directions(
        "latent",
        jax.tree.unflatten(structure, steps),
        names or tuple(str(number) for number in range(len(rows))),
        generator=spec.name,
        identity=spec.identity,
        about=about,
    )
