"""Walk along a direction: some steps of it, as frames of one picture."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.inversion.drawing import Drawing, draw_features, join
from pmsfc_jax.tasks.edit.codes import length, move, scaled
from pmsfc_jax.tasks.edit.directions.directions import Directions
from pmsfc_jax.tasks.edit.features import gate


def keeps_density(generator: SplitGenerator) -> bool:
    """Whether codes have to keep their norms to stay as likely as they were."""
    return generator.mapping is None and generator.spec.prior.kind in ("normal", "sphere")


def walk_codes(
    drawing: Drawing, step: Any, amounts: Sequence[float], *, constant_density: bool
) -> Drawing:
    """One picture with all its codes moved, a frame an amount.

    Args:
      drawing: of one picture.
      step: of the structure of one code, what an amount of 1 adds.
      amounts: of the frames; 0 gives the picture's bits.
      constant_density: see `codes.move`.

    Raises:
      InputError: a direction of another size.

    """
    return join(
        [move(drawing, step, amount, constant_density=constant_density) for amount in amounts]
    )


def walk_features(
    h: np.ndarray,
    step: np.ndarray,
    amounts: Sequence[float],
    subspaces: Sequence[int],
    masks: np.ndarray,
    region: np.ndarray | None = None,
) -> np.ndarray:
    """One picture's feature with multiples of a step added, ``[len(amounts), H, W, C]``.

    Args:
      h: composed features ``[H, W, C]``.
      step: ``[H, W, C]`` or ``[1, 1, C]``.
      amounts: of the frames; 0 gives the bits of ``h``.
      subspaces: which may move.
      masks: ``[R, C]``.
      region: see `features.gate`.

    Raises:
      InputError: see `features.gate`.

    """
    moving = gate(subspaces, masks, region) * np.asarray(step, np.float32)
    return np.stack([h + np.float32(amount) * moving if amount else h for amount in amounts])


def walk_samples(
    generator: SplitGenerator,
    params: Params,
    directions: Directions,
    amounts: Sequence[float],
    *,
    key: Key,
    num: int,
) -> np.ndarray:
    """Random pictures moved along each direction, ``[n, num, len(amounts), H, W, 3]`` float32.

    Args:
      generator: whose directions they are.
      params: its weights.
      directions: ``n`` of them.
      amounts: of the frames.
      key: a jax random key, of the pictures.
      num: how many.

    """
    codes = generator.draw(params, key, num)
    layer = generator.spec.num_layers - 1 if directions.layer is None else directions.layer
    cut = Cut(generator, layer)
    found = []
    for number in range(len(directions)):
        frames = []
        for amount in amounts:
            if directions.space == "latent":
                there = _moved(codes, directions[number], amount, keeps_density(generator))
                h, context = jax.tree.map(np.asarray, _head(cut, params, there))
            else:
                h, context = jax.tree.map(np.asarray, _head(cut, params, codes))
                h = h + np.float32(amount) * directions[number]
            frames.append(draw_features(generator, params, h, context, layer=layer))
        found.append(np.stack(frames, axis=1))
    return np.stack(found)


def _moved(codes: Any, step: Any, amount: float, constant_density: bool) -> Any:
    sets = jax.tree.map(lambda leaf: np.asarray(leaf)[:, None, None], codes)
    moved = jax.tree.map(lambda leaf, one: leaf + np.float32(amount) * one, sets, step)
    kept = scaled(moved, length(sets)) if constant_density else moved
    return jax.tree.map(lambda leaf: jnp.asarray(leaf[:, 0, 0]), kept)


@partial(jax.jit, static_argnames="cut")
def _head(cut: Cut, params: Params, codes: Any) -> tuple[Array, Any]:
    return cut.head(params, codes)
