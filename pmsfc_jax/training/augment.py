"""Differentiable augmentation (Zhao, Liu, Lin, Zhu, Han: NeurIPS 2020).

The same random colour, translation and cutout meet photographs and samples before the
discriminator sees them, so that it cannot memorise a small set, and the generator still learns the
clean distribution.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array, Key


def mirror(key: Key, x: Array) -> Array:
    """Flip half of the images ``x [b, H, W, C]`` left to right."""
    flip = jax.random.bernoulli(key, 0.5, (x.shape[0], 1, 1, 1))
    return jnp.where(flip, x[:, :, ::-1], x)


def augment(key: Key, x: Array, kinds: Sequence[str]) -> Array:
    """Change ``x [b, H, W, 3]`` in [-1, 1] at random, each image in its own way.

    Args:
      key: a jax random key.
      x: images.
      kinds: of ``"colour"`` (brightness, saturation, contrast), ``"translation"``, ``"cutout"``,
        applied in this order.

    """
    known = {"colour": _colour, "translation": _translate, "cutout": _cutout}
    for own, (kind, change) in zip(jax.random.split(key, len(known)), known.items(), strict=True):
        if kind in kinds:
            x = change(own, x)
    return x


def _colour(key: Key, x: Array) -> Array:
    shape = (x.shape[0], 1, 1, 1)
    brightness, saturation, contrast = (
        jax.random.uniform(k, shape, minval=-0.5, maxval=0.5) for k in jax.random.split(key, 3)
    )
    x = x + brightness
    grey = x.mean(axis=3, keepdims=True)
    x = (x - grey) * (1 + 2 * saturation) + grey
    mean = x.mean(axis=(1, 2, 3), keepdims=True)
    return (x - mean) * (1 + contrast) + mean


def _translate(key: Key, x: Array, share: float = 0.125) -> Array:
    """Shift by up to ``share`` of the side, zeros coming in."""
    b, h, w, c = x.shape
    reach = max(1, round(share * h))
    shifts = jax.random.randint(key, (b, 2), 0, 2 * reach + 1)
    padded = jnp.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)))

    def window(image: Array, shift: Array) -> Array:
        return jax.lax.dynamic_slice(image, (shift[0], shift[1], 0), (h, w, c))

    return jax.vmap(window)(padded, shifts)


def _cutout(key: Key, x: Array, share: float = 0.4) -> Array:
    """Set a square of ``share`` of the side to zero; it may hang over the border."""
    b, h, w, _ = x.shape
    side = max(1, round(share * h))
    centre = jax.random.randint(key, (b, 2, 1), 0, jnp.array([[[h], [w]]]))
    inside = [jnp.abs(jnp.arange(n)[None] - centre[:, i]) * 2 < side for i, n in enumerate((h, w))]
    hole = inside[0][:, :, None] & inside[1][:, None, :]
    return jnp.where(hole[..., None], 0.0, x)
