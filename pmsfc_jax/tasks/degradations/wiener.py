"""Wiener's filter of a noisy picture, patch by patch, with another picture as its guess.

What a generator draws is too smooth where it never learned to draw a detail, and what a photograph
shows is noisy. In the cosine transform of a small patch each coefficient of the guess says how
much signal to expect there, and with the noise's variance what share of the noisy coefficient to
keep: ``g^2 / (g^2 + sigma^2)``. So details that both have come from the photograph, and noise
stays where the guess has nothing. Patches begin at every pixel and are averaged where they overlap,
those of which little was kept with more weight, as their noise is less: the second step of BM3D
(Dabov, Foi, Katkovnik, Egiazarian, IEEE TIP 2007) without its search for similar patches.
"""

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.typing import Array

#: Side of a patch, and the noise's deviation that is reckoned with, in that which is known: less,
#: since a guess has too little of every detail. Both are the best on sixteen training photographs
#: of 32x32 with noise of 25 and 50 grey levels.
SIDE = 6
CAUTION = 0.6
#: Where a guess is black in every coefficient, nothing is divided by nothing.
_TINY = 1e-12

#: Orthonormal: brightness, and two differences of colour. Noise stays white and of one variance.
_OPPONENT = np.array(
    [np.ones(3) / np.sqrt(3), np.array([1, 0, -1]) / np.sqrt(2), np.array([1, -2, 1]) / np.sqrt(6)],
    np.float32,
)


def cosines(side: int) -> np.ndarray:
    """The patches of the two-dimensional cosine transform, ``[side**2, side, side]``.

    They are orthonormal (DCT-II), the constant one first.
    """
    rows, places = np.mgrid[0:side, 0:side]
    waves = np.cos(np.pi * rows * (2 * places + 1) / (2 * side)) * np.sqrt(2 / side)
    waves[0] /= np.sqrt(2)
    return np.einsum("ui,vj->uvij", waves, waves).reshape(-1, side, side).astype(np.float32)


def wiener(y: Array, guess: Array, sigma: Array) -> tuple[Array, Array]:
    """Filter noisy pictures by a guess of what they show.

    Args:
      y: ``[b, H, W, c]``, noisy, ``c`` 1 or 3.
      guess: likewise, without noise.
      sigma: ``[b]``, standard deviation of the noise, in the units of ``y``.

    Returns:
      The filtered pictures, and the standard deviation ``[b, H, W]`` of what is not known of them,
      the root mean square over colours: that of normal coefficients of variance ``g^2`` seen with
      noise, ``sigma^2 g^2 / (g^2 + sigma^2)``, as if errors of overlapping patches were one.

    """
    # One picture at a time: the transform is ``SIDE**2`` times as large as it.
    return jax.lax.map(lambda one: _wiener(*one), (y, guess, sigma))


def _wiener(y: Array, guess: Array, sigma: Array) -> tuple[Array, Array]:
    colours = jnp.asarray(_OPPONENT if y.shape[-1] == 3 else np.eye(1, dtype=np.float32))
    patches = jnp.asarray(cosines(SIDE))
    noise = jnp.square(jnp.float32(CAUTION) * sigma)
    seen, expected = (_transformed(x, colours, patches) for x in (y, guess))
    power = jnp.square(expected)
    share = power / jnp.maximum(power + noise, _TINY)
    weight = 1 / jnp.maximum(jnp.sum(jnp.square(share), axis=1, keepdims=True), _TINY)
    total = _overlapped(weight, jnp.ones((1, SIDE, SIDE), jnp.float32))
    picture = _overlapped(weight * share * seen, patches) / total
    variance = noise * _overlapped(weight * share, jnp.square(patches)) / total
    whole = jnp.matmul(jnp.moveaxis(picture, 0, -1), colours, precision="highest")
    return whole, jnp.sqrt(variance.mean(axis=0))


def _transformed(x: Array, colours: Array, patches: Array) -> Array:
    """``[H, W, c]`` to the coefficients ``[c, SIDE**2, h, w]`` of all patches, mirrored outside."""
    rim = (SIDE - 1, SIDE - 1)
    padded = jnp.pad(
        jnp.matmul(x, colours.T, precision="highest"), (rim, rim, (0, 0)), mode="symmetric"
    )
    planes = jnp.moveaxis(padded, -1, 0)[:, None]
    kernels = patches[:, None]
    return jax.lax.conv_general_dilated(planes, kernels, (1, 1), "VALID", precision="highest")


def _overlapped(coefficients: Array, patches: Array) -> Array:
    """All patches of ``[c, p, h, w]`` summed where they lie, without the rim: ``[c, H, W]``."""
    kernels = patches[None, :, ::-1, ::-1]
    return jax.lax.conv_general_dilated(
        coefficients, kernels, (1, 1), "VALID", precision="highest"
    )[:, 0]
