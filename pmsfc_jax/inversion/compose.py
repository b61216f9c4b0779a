"""Feature composition: what is drawn from the features of several codes (equations 7 and 8).

How weights become the coefficients that mix is in `compositions`; this is the same for all.
"""

from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.compositions import Composition

#: Share of the way from the centre to a draw at which codes start, for families whose draws are
#: truncated towards a centre: the one that StyleGAN2's own samples are usually shown with.
START_TRUNCATION = 0.7
#: Channels of each subspace.
Groups = tuple[tuple[int, ...], ...]


class Heads(NamedTuple):
    """Heads of all codes of a batch.

    Attributes:
      features: ``[b, r, k, h, w, c]``; for `Groups` one ``[b, k, h, w, c_r]`` a subspace, of its
        own channels.
      contexts: of all codes, leaves ``[b, r, k, ...]``; ``None`` for plain stacks.

    """

    features: Array | tuple[Array, ...]
    contexts: Any


def served_groups(cut: Cut, masks: np.ndarray, composition: Composition) -> Groups | None:
    """Channels of each subspace, for heads that compute no others, or ``None``.

    There are none where a composition asks codes for all channels, where the masks ``[R, c]`` are
    no partition, and for generators whose heads cannot be cut by channels.
    """
    if not composition.sliceable or cut.generator.head_sliced is None:
        return None
    if not ((masks == 0) | (masks == 1)).all() or not (masks.sum(axis=0) == 1).all():
        return None
    if not masks.any(axis=1).all():
        return None
    return tuple(tuple(int(channel) for channel in np.flatnonzero(mask)) for mask in masks)


def head_features(cut: Cut, params: Params, latent: Any, groups: Groups | None = None) -> Heads:
    """Heads of all codes, leaves ``[b, r, k, ...]``, as one batch.

    Args:
      cut: its head is used.
      params: the generator's weights.
      latent: latent codes.
      groups: of `served_groups`.

    """
    b, r, k = jax.tree.leaves(latent)[0].shape[:3]
    if groups is None:
        flat = jax.tree.map(lambda leaf: leaf.reshape(b * r * k, *leaf.shape[3:]), latent)
        features, contexts = cut.head(params, flat)
        contexts = jax.tree.map(lambda leaf: leaf.reshape(b, r, k, *leaf.shape[1:]), contexts)
        return Heads(features.reshape(b, r, k, *features.shape[1:]), contexts)
    # Images stay in front, also of what is flattened: they are what is split over devices.
    swapped = jax.tree.map(
        lambda leaf: leaf.swapaxes(1, 2).reshape(b * k, r, *leaf.shape[3:]), latent
    )
    parts, contexts = cut.head_sliced(params, swapped, groups)
    contexts = jax.tree.map(
        lambda leaf: leaf.reshape(b, k, r, *leaf.shape[2:]).swapaxes(1, 2), contexts
    )
    return Heads(tuple(part.reshape(b, k, *part.shape[1:]) for part in parts), contexts)


def compose_features(features: Array, mixing: Array) -> Array:
    """``sum_r sum_k features^r_k * mixing^r_k``, equation 7 summed over subspaces.

    Args:
      features: heads of all codes ``[b, r, k, h, w, c]``.
      mixing: coefficients ``[b, r, k, c]``, zero outside of each subspace.

    Returns:
      The composed feature ``[b, h, w, c]``.

    """
    chex.assert_rank([features, mixing], [6, 4])
    chex.assert_equal_shape_prefix([features, mixing], 3)
    # A product and a sum, and no contraction: channels are never summed over. One sum over all
    # codes: of two, a TPU's compiler writes out the gradient, as large as all features.
    b, r, k, *map_shape = features.shape
    flat = features.reshape(b, r * k, *map_shape)
    return (flat * mixing.reshape(b, r * k, 1, 1, -1)).sum(axis=1)


def compose_groups(features: tuple[Array, ...], mixing: Array, groups: Groups) -> Array:
    """`compose_features` where each subspace's features have its own channels only.

    Args:
      features: ``[b, k, h, w, c_r]``, one a subspace.
      mixing: coefficients ``[b, r, k, c]``.
      groups: channels of each subspace, together all.

    """
    parts = [
        (feature * mixing[:, r][..., np.array(group)][:, :, None, None, :]).sum(axis=1)
        for r, (feature, group) in enumerate(zip(features, groups, strict=True))
    ]
    order = np.argsort(np.concatenate(groups))
    return jnp.concatenate(parts, axis=-1)[..., order]


def shares(mixing: Array) -> Array:
    """How much of an image each of its codes draws, ``[b, r, k]``, from ``mixing [b, r, k, c]``.

    The absolute coefficients of a code, summed over channels, divided by those of all codes.
    """
    mass = jnp.abs(mixing).sum(axis=-1)
    total = mass.sum(axis=(1, 2), keepdims=True)
    return mass / jnp.maximum(total, jnp.finfo(mass.dtype).tiny)


def composed(
    cut: Cut,
    composition: Composition,
    heads: Heads,
    w: Array,
    free: Any,
    rows: Array,
    groups: Groups | None = None,
) -> tuple[Array, Any, Array]:
    """The composed feature of each image, its context, and guarded denominators.

    Args:
      cut: its generator joins contexts.
      composition: how weights mix.
      heads: of `head_features`.
      w: weights ``[b, r, k, c]``.
      free: `Codes.context`.
      rows: masks of all sets of codes ``[r, c]``.
      groups: those that ``heads`` were made with.

    Returns:
      ``(h [b, H, W, C], context, guarded [b])``.

    """
    mixing, guarded = composition.mix(w, rows)
    if isinstance(heads.features, tuple):
        h = compose_groups(heads.features, mixing, groups or ())
    else:
        h = compose_features(heads.features, mixing)
    if not jax.tree.leaves(heads.contexts):
        return h, heads.contexts, guarded
    b, r, k = mixing.shape[:3]
    flat = jax.tree.map(lambda leaf: leaf.reshape(b, r * k, *leaf.shape[3:]), heads.contexts)
    context = cut.generator.join(flat, shares(mixing).reshape(b, r * k), free)
    return h, context, guarded


def reconstruct(
    cut: Cut, composition: Composition, params: Params, codes: Codes, masks: Array
) -> tuple[Array, Array]:
    """Equation 8: ``x_hat = tail(sum_r f^r)``.

    All codes of all subspaces of all images go through the head as one batch.

    Args:
      cut: head and tail.
      composition: how features are composed.
      params: the generator's weights.
      codes: of `initial_codes`.
      masks: of the subspaces, ``[R, c]``.

    Returns:
      Images ``[b, H, W, 3]`` and the number of guarded denominators ``[b]``.

    """
    heads = head_features(cut, params, codes.latent)
    rows = composition.rows(masks)
    h, context, guarded = composed(cut, composition, heads, codes.w, codes.context, rows)
    return cut.tail(params, h, context), guarded


def initial_codes(
    cut: Cut,
    composition: Composition,
    params: Params,
    keys: Key,
    *,
    num_rows: int,
    codes: int,
) -> Codes:
    """Draw starting codes from the prior and nearly equal positive weights, one key an image.

    Codes that start identical stay identical, so every one is drawn; weights start equal, since
    those of random sign let the denominator of equation 7 cross zero. A composition starts as the
    mean of its features, and its context as theirs.

    Args:
      cut: gives the latent prior and the number of channels.
      composition: sets the weights' level.
      params: the generator's weights.
      keys: ``[b]`` typed random keys.
      num_rows: sets of codes, r.
      codes: K.

    """
    shape = (num_rows, codes)
    level, noise = composition.level(codes), composition.noise

    def draw(key: Key) -> Codes:
        key_z, key_w = jax.random.split(key)
        latent = _truncated(
            cut, params, cut.generator.draw(params, key_z, num_rows * codes), composition.at_centre
        )
        spread = 1 + noise * jax.random.normal(key_w, (*shape, cut.channels))
        return Codes(
            jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), latent),
            level * spread,
            jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), cut.free_context),
        )

    return jax.vmap(draw)(keys)


def _truncated(cut: Cut, params: Params, latent: Any, at_centre: bool) -> Any:
    """Draws moved towards the generator's centre, where it has one."""
    if cut.generator.centre is None:
        return latent
    share = 0.0 if at_centre else START_TRUNCATION
    return jax.tree.map(
        lambda middle, drawn: middle[None] + share * (drawn - middle[None]),
        cut.generator.centre(params),
        latent,
    )
