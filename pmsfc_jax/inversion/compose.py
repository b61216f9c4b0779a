"""Feature composition: what is drawn from the features of several codes (paper, equations 7 and 8).

Axes: ``b`` images, ``r`` subspaces, ``k`` codes of a subspace, ``h w c`` the feature at the cut.
The methods differ in how the weights ``w [b, r, k, c]`` become the coefficients that mix:

- ``pmsfc``: equation 7, ``tanh(w) / sum_k tanh(w)``. The coefficients of a channel sum to one, so
  it mixes and cannot rescale.
- ``pmsfc_linear``: the weights themselves, within each subspace. A channel can be rescaled, and no
  denominator can vanish.
- ``mganprior``: the weights themselves, on every channel (Gu, Shen, Zhou: CVPR 2020). It has one
  subspace, of all channels.
- ``single``: one code, no weights.
- ``pmsfc_full``: ``m^r / K + w``: starts as the mean within each subspace, and may then take any
  code for any channel. As free as ``mganprior`` with all ``R K`` codes, from another start.
- ``released``: what the authors' released script composes: the masked sums of ``pmsfc_linear`` plus
  one more set of ``k`` codes on every channel, the base, which has to redraw the target alone, too.
"""

from typing import Literal, NamedTuple, get_args

import chex
import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Key, Params

#: Channels of each subspace.
Groups = tuple[tuple[int, ...], ...]
#: Of all channels, or one array a subspace of its own channels.
Features = Array | tuple[Array, ...]
Method = Literal["pmsfc", "pmsfc_linear", "pmsfc_full", "mganprior", "single", "released"]
METHODS: tuple[Method, ...] = get_args(Method)
#: Methods that compose within subspaces; the others have one, of all channels.
SUBSPACE_METHODS: tuple[Method, ...] = ("pmsfc", "pmsfc_linear", "pmsfc_full", "released")
#: Denominators of equation 7 nearer to zero than this are moved out to it.
MIN_DENOMINATOR = 1e-3


class Codes(NamedTuple):
    """What is optimised for a batch of images.

    Attributes:
      z: latent codes ``[b, r, k, d]``; ``released`` has its base last, ``r = R + 1``.
      w: weights ``[b, r, k, c]``; unused, and zero, for the method ``single``.

    """

    z: Array
    w: Array


def coefficients(w: Array, method: Method) -> tuple[Array, Array]:
    """Mixing coefficients ``[b, r, k, c]`` of ``w`` and how many denominators were guarded ``[b]``.

    The denominator of equation 7 may pass through zero when weights change sign; there it is kept
    `MIN_DENOMINATOR` away, on its own side.
    """
    if method == "pmsfc":
        squashed = jnp.tanh(w)
        denominator = squashed.sum(axis=2, keepdims=True)
        near_zero = jnp.abs(denominator) < MIN_DENOMINATOR
        guard = jnp.copysign(jnp.full_like(denominator, MIN_DENOMINATOR), denominator)
        guarded = near_zero.sum(axis=(1, 2, 3), dtype=jnp.int32)
        return squashed / jnp.where(near_zero, guard, denominator), guarded
    none = jnp.zeros((w.shape[0],), jnp.int32)
    return (jnp.ones_like(w) if method == "single" else w), none


def row_masks(masks: Array, method: Method) -> Array:
    """Masks of all sets of codes, ``[r, c]``; ``released`` has one more, the base, of all channels.

    Args:
      masks: of the subspaces.
      method: how features are composed.

    """
    if method != "released":
        return masks
    return jnp.concatenate([masks, jnp.ones_like(masks[:1])])


def compose_features(features: Array, mixing: Array, masks: Array) -> Array:
    """``sum_r m^r * sum_k features^r_k * mixing^r_k``, equation 7 summed over subspaces.

    Args:
      features: heads of all codes ``[b, r, k, h, w, c]``.
      mixing: coefficients ``[b, r, k, c]``.
      masks: ``m [r, c]``, one for the channels of each subspace and zero elsewhere.

    Returns:
      The composed feature ``[b, h, w, c]``.

    """
    chex.assert_rank([features, mixing, masks], [6, 4, 2])
    chex.assert_equal_shape_prefix([features, mixing], 3)
    masked = mixing * masks[None, :, None, :]
    return jnp.einsum("brkhwc,brkc->bhwc", features, masked)


def served_groups(generator: SplitGenerator, masks: np.ndarray, method: Method) -> Groups | None:
    """Channels of each subspace, for heads that compute no others, or ``None``.

    There are none where a method asks codes for all channels, where the masks ``[R, c]`` are no
    partition, and for generators whose heads cannot be cut by channels.
    """
    if method not in ("pmsfc", "pmsfc_linear") or generator.head_sliced is None:
        return None
    if not ((masks == 0) | (masks == 1)).all() or not (masks.sum(axis=0) == 1).all():
        return None
    if not masks.any(axis=1).all():
        return None
    return tuple(tuple(int(channel) for channel in np.flatnonzero(mask)) for mask in masks)


def head_features(
    generator: SplitGenerator,
    params: Params,
    z: Array,
    *,
    layer: int,
    groups: Groups | None = None,
) -> Features:
    """Features of all codes ``z [b, r, k, d]`` in one batch.

    Args:
      generator: its head is used.
      params: its weights.
      z: latent codes.
      layer: the cut.
      groups: of `served_groups`.

    Returns:
      ``[b, r, k, h, w, c]``, or for ``groups`` one ``[b, k, h, w, c_r]`` a subspace.

    """
    b, r, k, d = z.shape
    if groups is None or generator.head_sliced is None:
        flat, context = generator.head(params, z.reshape(-1, d), layer=layer)
        features: Features = flat.reshape(b, r, k, *flat.shape[1:])
    else:
        flat = z.swapaxes(1, 2).reshape(b * k, r, d)
        parts, context = generator.head_sliced(params, flat, layer=layer, groups=groups)
        features = tuple(part.reshape(b, k, *part.shape[1:]) for part in parts)
    if context is not None:
        raise NotImplementedError("no composition is defined for generators with a context yet")
    return features


def compose_groups(features: tuple[Array, ...], mixing: Array, groups: Groups) -> Array:
    """`compose_features` where each subspace's features have its own channels only.

    Args:
      features: ``[b, k, h, w, c_r]``, one a subspace.
      mixing: coefficients ``[b, r, k, c]``.
      groups: channels of each subspace, together all.

    Returns:
      The composed feature ``[b, h, w, c]``.

    """
    parts = [
        jnp.einsum("bkhwc,bkc->bhwc", feature, mixing[:, r][..., np.array(group)])
        for r, (feature, group) in enumerate(zip(features, groups, strict=True))
    ]
    order = np.argsort(np.concatenate(groups))
    return jnp.concatenate(parts, axis=-1)[..., order]


def draw_composed(
    generator: SplitGenerator,
    params: Params,
    features: Features,
    w: Array,
    masks: Array,
    *,
    layer: int,
    method: Method,
    groups: Groups | None = None,
) -> tuple[Array, Array]:
    """Equation 8 from features of `head_features` and weights ``[b, r, k, c]``.

    Returns:
      As `reconstruct`.

    """
    mixing, guarded = coefficients(w, method)
    if method == "pmsfc_full":
        mixing, masks = mixing + masks[None, :, None] / w.shape[2], jnp.ones_like(masks)
    if isinstance(features, tuple):
        composed = compose_groups(features, mixing, groups or ())
    else:
        composed = compose_features(features, mixing, masks)
    return generator.tail(params, composed, None, layer=layer), guarded


def reconstruct(
    generator: SplitGenerator,
    params: Params,
    codes: Codes,
    masks: Array,
    *,
    layer: int,
    method: Method,
) -> tuple[Array, Array]:
    """Equation 8: ``x_hat = tail(sum_r f^r)``.

    All codes of all subspaces of all images go through the head as one batch.

    Args:
      generator: head and tail.
      params: its weights.
      codes: of `initial_codes`.
      masks: of the subspaces, ``[R, c]``.
      layer: the cut.
      method: how features are composed.

    Returns:
      Images ``[b, H, W, 3]`` and the number of guarded denominators ``[b]``.

    """
    features = head_features(generator, params, codes.z, layer=layer)
    rows = row_masks(masks, method)
    return draw_composed(generator, params, features, codes.w, rows, layer=layer, method=method)


def initial_codes(
    generator: SplitGenerator,
    keys: Key,
    *,
    layer: int,
    num_subspaces: int,
    codes_per_subspace: int,
    method: Method,
) -> Codes:
    """Draw starting codes from the prior and nearly equal positive weights, one key an image.

    Codes that start identical stay identical, so every one is drawn; weights start equal, since
    those of random sign let the denominator of equation 7 cross zero.

    Args:
      generator: gives the latent prior and the number of channels.
      keys: ``[b]`` typed random keys.
      layer: the cut.
      num_subspaces: R.
      codes_per_subspace: K.
      method: sets the weights' level: 0.5 under the tanh of equation 7, ``1 / K`` where weights are
        not normalised, so that a composition starts as the mean of its features; half of that
        for ``released``, whose channels have two sets of codes each; zero for ``single`` and for
        ``pmsfc_full``, where they are what is added to that mean.

    """
    channels = generator.spec.feature_shape(layer)[-1]
    shape = (num_subspaces + (method == "released"), codes_per_subspace)
    mean = 1 / codes_per_subspace
    levels = {"pmsfc": 0.5, "pmsfc_full": 0.0, "single": 0.0, "released": mean / 2}
    level = levels.get(method, mean)

    def draw(key: Key) -> Codes:
        key_z, key_w = jax.random.split(key)
        z = generator.spec.prior.draw(key_z, shape[0] * shape[1])
        noise = 1 + 0.1 * jax.random.normal(key_w, (*shape, channels))
        return Codes(z.reshape(*shape, -1), level * noise)

    return jax.vmap(draw)(keys)
