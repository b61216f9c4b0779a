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
"""

from typing import Literal, NamedTuple, get_args

import chex
import jax
import jax.numpy as jnp

from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Key, Params

Method = Literal["pmsfc", "pmsfc_linear", "mganprior", "single"]
METHODS: tuple[Method, ...] = get_args(Method)
#: Methods that compose within subspaces; the others have one, of all channels.
SUBSPACE_METHODS: tuple[Method, ...] = ("pmsfc", "pmsfc_linear")
#: Denominators of equation 7 nearer to zero than this are moved out to it.
MIN_DENOMINATOR = 1e-3


class Codes(NamedTuple):
    """What is optimised for a batch of images.

    Attributes:
      z: latent codes ``[b, r, k, d]``.
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

    Returns:
      Images ``[b, H, W, 3]`` and the number of guarded denominators ``[b]``.

    """
    leading = codes.z.shape[:3]
    flat, context = generator.head(params, codes.z.reshape(-1, codes.z.shape[-1]), layer=layer)
    if context is not None:
        raise NotImplementedError("no composition is defined for generators with a context yet")
    mixing, guarded = coefficients(codes.w, method)
    composed = compose_features(flat.reshape(*leading, *flat.shape[1:]), mixing, masks)
    return generator.tail(params, composed, None, layer=layer), guarded


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
        not normalised, so that a composition starts as the mean of its features; zero for
        ``single``.

    """
    channels = generator.spec.feature_shape(layer)[-1]
    shape = (num_subspaces, codes_per_subspace)
    level = {"pmsfc": 0.5, "single": 0.0}.get(method, 1 / codes_per_subspace)

    def draw(key: Key) -> Codes:
        key_z, key_w = jax.random.split(key)
        z = generator.spec.latent_prior(key_z, num_subspaces * codes_per_subspace)
        noise = 1 + 0.1 * jax.random.normal(key_w, (*shape, channels))
        return Codes(z.reshape(*shape, -1), level * noise)

    return jax.vmap(draw)(keys)
