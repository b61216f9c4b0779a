"""Invert any number of images: fixed batch shape, one compilation, results free of batching."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.inversion.compose import (
    SUBSPACE_METHODS,
    Codes,
    Method,
    initial_codes,
    reconstruct,
)
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.optimise import Setting, advance, start, steps_per_call
from pmsfc_jax.subspace.discover import Subspaces


class Perceptual(NamedTuple):
    """A network V of equation 9.

    Attributes:
      extract: ``(params, x [b, H, W, 3] in [-1, 1]) -> feature maps``.
      params: its weights.
      name: what the run's record calls it.

    """

    extract: Callable[[Params, Array], Any]
    params: Params
    name: str


class InversionResult(NamedTuple):
    """Codes that redraw ``n`` targets, and how they were found. All arrays are numpy's.

    Attributes:
      reconstruction: ``[n, H, W, 3]`` float32, nominally in [-1, 1].
      codes: ``z [n, R, K, d]`` of the lowest loss of each image.
      weights: ``w [n, R, K, C]`` of the same step.
      masks: ``[R, C]``, the partition they were found with.
      layer: the cut.
      method: how features are composed.
      precision: of the matrix products that `render` has to use to redraw exactly.
      losses: objective before each step, ``[n, num_steps]``.
      best_step: ``[n]``, the step whose codes were kept.
      guarded: ``[n]``, the most denominators of equation 7 guarded in any step.
      failed: ``[n]``, true where no step had a finite loss; such codes are the starting ones.

    """

    reconstruction: np.ndarray
    codes: np.ndarray
    weights: np.ndarray
    masks: np.ndarray
    layer: int
    method: Method
    precision: str
    losses: np.ndarray
    best_step: np.ndarray
    guarded: np.ndarray
    failed: np.ndarray


def image_keys(key: Key, targets: np.ndarray) -> Key:
    """One key an image, ``key`` folded with a digest of its pixels, ``[n]``.

    An image's key never depends on its place in a batch or on its companions.
    """

    def fold(image: np.ndarray) -> Key:
        digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()
        folded = key
        for word in np.frombuffer(digest[:8], "<u4"):
            folded = jax.random.fold_in(folded, word)
        return folded

    return jnp.stack([fold(image) for image in targets])


def partition_of(
    generator: SplitGenerator, config: InversionConfig, subspaces: Subspaces | None
) -> tuple[int, np.ndarray]:
    """The cut and the masks ``[R, C]`` of an inversion.

    Raises:
      InputError: settings and subspaces contradict each other, or one is missing.

    """
    by_subspace = config.method in SUBSPACE_METHODS
    if by_subspace and subspaces is None:
        raise InputError(
            f"method {config.method} composes features within subspaces: give subspaces= "
            "(see discover_subspaces), or choose method mganprior or single"
        )
    layer = config.layer
    if subspaces is not None:
        if layer is None:
            layer = subspaces.layer
        elif layer != subspaces.layer and by_subspace:
            raise InputError(
                f"the subspaces are of layer {subspaces.layer} and the inversion is at layer "
                f"{layer}: use one layer for both"
            )
    if layer is None:
        raise InputError(f"method {config.method} needs a layer to cut at: set config.layer")
    channels = generator.spec.feature_shape(layer)[-1]
    if not by_subspace or subspaces is None:
        return layer, np.ones((1, channels), np.float32)
    masks = np.asarray(subspaces.masks, np.float32)
    if masks.shape[1] != channels:
        raise InputError(
            f"the subspaces have {masks.shape[1]} channels and layer {layer} of "
            f"{generator.spec.name} has {channels}: discover them for this generator"
        )
    return layer, masks


def check_targets(generator: SplitGenerator, targets: Any) -> np.ndarray:
    """Targets as float32 ``[n, H, W, 3]`` of the generator's size.

    Raises:
      InputError: another shape or type, no image, values that are not finite or far off [-1, 1].

    """
    array = np.asarray(targets)
    expected = generator.spec.image_shape
    if array.ndim != 4 or array.shape[1:] != expected or not len(array):
        raise InputError(
            f"targets have shape {array.shape}: {generator.spec.name} draws images of "
            f"{expected}, so give [n, {', '.join(map(str, expected))}]"
        )
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"targets are {array.dtype}: give floats in [-1, 1] (pixels / 127.5 - 1)")
    if not np.isfinite(array).all() or np.abs(array).max() > 1.5:
        raise InputError("targets must be finite and in [-1, 1] (pixels / 127.5 - 1)")
    return array.astype(np.float32)


_draw = jax.jit(
    initial_codes,
    static_argnames=("generator", "layer", "num_subspaces", "codes_per_subspace", "method"),
)


@partial(jax.jit, static_argnames=("generator", "layer", "method", "precision"))
def _render_one(
    generator: SplitGenerator,
    params: Params,
    codes: Codes,
    masks: Array,
    *,
    layer: int,
    method: Method,
    precision: str,
) -> Array:
    with jax.default_matmul_precision(precision):
        image, _ = reconstruct(generator, params, codes, masks, layer=layer, method=method)
    return image


def render_codes(
    generator: SplitGenerator,
    params: Params,
    z: np.ndarray,
    w: np.ndarray,
    masks: np.ndarray,
    *,
    layer: int,
    method: Method,
    precision: str = "default",
) -> np.ndarray:
    """Draw images ``[n, H, W, 3]`` from ``z [n, R, K, d]`` and ``w [n, R, K, C]``.

    Each image is drawn alone, so that the same codes give the same bits whatever was beside them.
    """
    images = [
        np.asarray(
            _render_one(
                generator,
                params,
                Codes(jnp.asarray(z[i : i + 1]), jnp.asarray(w[i : i + 1])),
                jnp.asarray(masks, jnp.float32),
                layer=layer,
                method=method,
                precision=precision,
            )
        )
        for i in range(len(z))
    ]
    return np.concatenate(images)


def invert_batches(
    generator: SplitGenerator,
    params: Params,
    targets: Any,
    *,
    subspaces: Subspaces | None = None,
    key: Key,
    config: InversionConfig,
    perceptual: Perceptual | None = None,
    on_progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
) -> Iterator[tuple[slice, InversionResult]]:
    """`invert`, giving each batch as soon as it is done: where it lies in targets, and its result.

    ``on_progress(done, total, loss)`` is called after every compiled loop with image-steps done and
    in all, and the mean loss of the batch.

    Raises:
      InputError: as `invert`.

    """
    array = check_targets(generator, targets)
    layer, masks = partition_of(generator, config, subspaces)
    if config.perceptual_weight and perceptual is None:
        raise InputError(
            f"perceptual_weight is {config.perceptual_weight} but there is no perceptual network: "
            "give perceptual=, or set perceptual_weight to 0"
        )
    extract = perceptual.extract if perceptual and config.perceptual_weight else None
    v_params: Params = perceptual.params if perceptual and extract else {}
    setting = Setting(generator, config, layer, extract)
    size = min(config.batch_size, len(array))
    keys = image_keys(key, array)
    chunk = steps_per_call(config.num_steps)
    for first in range(0, len(array), size):
        where = slice(first, min(first + size, len(array)))
        count = where.stop - where.start
        # The last batch is filled with copies of its first image, to keep the compiled shape.
        rows = np.r_[first : where.stop, np.full(size - count, first)]
        codes = _draw(
            generator,
            keys[rows],
            layer=layer,
            num_subspaces=len(masks),
            codes_per_subspace=config.codes_per_subspace,
            method=config.method,
        )
        target = jnp.asarray(array[rows])
        problem, state = start(setting, v_params, codes, target, jnp.asarray(masks))
        losses, guarded = [], []
        for step in range(0, config.num_steps, chunk):
            state, info = advance(setting, params, v_params, problem, state, jnp.int32(step))
            losses.append(np.asarray(info.loss)[:, :count])
            guarded.append(np.asarray(info.guarded)[:, :count])
            done = first * config.num_steps + count * (step + chunk)
            on_progress(done, len(array) * config.num_steps, float(losses[-1][-1].mean()))
        z, w = (np.asarray(leaf)[:count] for leaf in state.best)
        image = render_codes(
            generator,
            params,
            z,
            w,
            masks,
            layer=layer,
            method=config.method,
            precision=config.precision,
        )
        yield (
            where,
            InversionResult(
                reconstruction=image,
                codes=z,
                weights=w,
                masks=masks,
                layer=layer,
                method=config.method,
                precision=config.precision,
                losses=np.concatenate(losses).T,
                best_step=np.asarray(state.best_step)[:count],
                guarded=np.concatenate(guarded).max(axis=0),
                failed=~np.isfinite(np.asarray(state.best_loss)[:count]),
            ),
        )


def concatenate(results: list[InversionResult]) -> InversionResult:
    """Join results of the same setting along their images."""
    shared = {"masks", "layer", "method", "precision"}
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(result, name) for result in results])
        for name in InversionResult._fields
        if name not in shared
    }
    return results[0]._replace(**joined)


def invert(
    generator: SplitGenerator,
    params: Params,
    targets: Any,
    *,
    subspaces: Subspaces | None = None,
    key: Key,
    config: InversionConfig | None = None,
    perceptual: Perceptual | None = None,
    on_progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
) -> InversionResult:
    """Find codes from which the generator redraws ``targets`` (paper, equations 7 to 9).

    Args:
      generator: cut in two at any layer.
      params: its weights.
      targets: ``[n, H, W, 3]`` floats in [-1, 1], any ``n``.
      subspaces: the partition of channels that ``pmsfc`` composes in.
      key: an image's randomness comes from it and from the image's pixels alone.
      config: settings; the default is ``InversionConfig()``.
      perceptual: the network V; needed where ``config.perceptual_weight`` is not 0.
      on_progress: ``(image-steps done, in all, mean loss of the batch)``.

    Returns:
      The best codes of each image, and the images they give.

    Raises:
      InputError: targets, subspaces and settings do not fit each other or the generator.

    """
    batches = invert_batches(
        generator,
        params,
        targets,
        subspaces=subspaces,
        key=key,
        config=config or InversionConfig(),
        perceptual=perceptual,
        on_progress=on_progress,
    )
    return concatenate([result for _, result in batches])
