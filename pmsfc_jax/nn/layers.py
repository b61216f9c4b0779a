"""Convolutions and pointwise layers that the generator and discriminator families share.

Feature maps are NHWC, kernels HWIO and correlated, as in `jax.lax.conv_general_dilated`.

The two convolutions carry their own gradients. XLA's CPU backend loses its fast path for the
gradient of a plain convolution inside a loop (openxla/jax issue 12868), and never has one for an
upsampling convolution. The gradient with respect to the input is written here as what it is,
another convolution, which is fast everywhere. The gradient with respect to the kernel is the
ordinary one; where kernels are frozen nobody asks for it and the compiler drops it.

The doubling convolution has two forms of equal arithmetic, chosen by platform when a program is
compiled. A CPU has no fast path for a convolution of a dilated map. A TPU counts it without the
inserted zeros, and pays dearly for putting the four phases of the other form beside each other
(docs/tpu.md). A GPU's library takes the dilated form, on a reversed kernel, for what it is: the
input gradient of a convolution of stride 2.
"""

import jax
import jax.numpy as jnp
from jax import lax

from pmsfc_jax.core.typing import Array

_NHWC = ("NHWC", "HWIO", "NHWC")
_UNPADDED = ((0, 0), (0, 0), (0, 0))
#: Added to the mean square in `pixel_norm`; the value of every published PGGAN.
NORM_EPSILON = 1e-8


def _correlate(
    x: Array, kernel: Array, padding: str | tuple[tuple[int, int], ...] = "SAME"
) -> Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=_NHWC)


@jax.custom_vjp
def conv2d(x: Array, kernel: Array) -> Array:
    """Correlate ``x [b, H, W, I]`` with ``kernel [k, k, I, O]``, k odd, stride 1, zero padded."""
    return _correlate(x, kernel)


def _conv2d_fwd(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _correlate(x, kernel), (x, kernel)


def _conv2d_bwd(residual: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, kernel = residual
    # Exact for odd kernels at stride 1 and SAME padding.
    # As `conv2d` it has a gradient of its own, so that curvature products stay fast, too.
    dx = conv2d(g, jnp.flip(kernel, (0, 1)).transpose(0, 1, 3, 2))
    (dkernel,) = jax.vjp(lambda k: _correlate(x, k), kernel)[1](g)
    return dx, dkernel


conv2d.defvjp(_conv2d_fwd, _conv2d_bwd)


def upsample_nearest(x: Array, factor: int = 2) -> Array:
    """Repeat each pixel of ``x [b, H, W, C]`` ``factor`` times in both directions."""
    b, h, w, c = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None, :], (b, h, factor, w, factor, c))
    return x.reshape(b, factor * h, factor * w, c)


def upsample_bilinear(x: Array) -> Array:
    """Double ``x [b, H, W, C]`` bilinearly with half-pixel centres and clamped borders."""
    for axis in (1, 2):
        last = x.shape[axis] - 1
        before = jnp.concatenate(
            [lax.slice_in_dim(x, 0, 1, axis=axis), lax.slice_in_dim(x, 0, last, axis=axis)], axis
        )
        after = jnp.concatenate(
            [
                lax.slice_in_dim(x, 1, last + 1, axis=axis),
                lax.slice_in_dim(x, last, None, axis=axis),
            ],
            axis,
        )
        pair = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
        x = pair.reshape(*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])
    return x


def downsample_mean(x: Array) -> Array:
    """Halve ``x [b, H, W, C]``, H and W even, by averaging blocks of two by two pixels."""
    b, h, w, c = x.shape
    return x.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))


def _merge_taps(rows: Array) -> Array:
    """Three taps on doubled pixels as two taps for each parity: ``[3, ...] -> [2, 2, ...]``."""
    even = jnp.stack([rows[0], rows[1] + rows[2]])
    odd = jnp.stack([rows[0] + rows[1], rows[2]])
    return jnp.stack([even, odd])


def phased_upsample_conv2d(x: Array, kernel: Array) -> Array:
    """`upsample_conv2d` as a 2x2 convolution whose channels are interleaved: the form of a CPU."""
    b, h, w, channels = x.shape
    out = kernel.shape[-1]
    # After nearest doubling, the three taps of a row meet only two different pixels, and which two
    # depends on the parity of the output row; likewise for columns. So one 2x2 convolution on the
    # small map with 4 * out channels gives all four parities for 16 products instead of 36.
    phases = jax.vmap(jax.vmap(_merge_taps))(_merge_taps(kernel))  # [py, ty, px, tx, I, O]
    phases = phases.transpose(1, 3, 4, 0, 2, 5).reshape(2, 2, channels, 4 * out)
    y = _correlate(x, phases, ((1, 1), (1, 1))).reshape(b, h + 1, w + 1, 2, 2, out)
    rows = [
        jnp.stack([y[:, py : py + h, px : px + w, py, px] for px in (0, 1)], 3) for py in (0, 1)
    ]
    return jnp.stack(rows, 2).reshape(b, 2 * h, 2 * w, out)


def dilated_upsample_conv2d(x: Array, kernel: Array) -> Array:
    """`upsample_conv2d` as a 4x4 convolution of the dilated map: the form of TPUs and GPUs."""
    # Reversed and not transposed, since that is the pattern that XLA's GPU backend knows.
    return lax.conv_general_dilated(
        x,
        lax.rev(_doubled_taps(kernel), (0, 1)),
        (1, 1),
        ((2, 2), (2, 2)),
        lhs_dilation=(2, 2),
        dimension_numbers=("NHWC", "HWOI", "NHWC"),
    )


def _upsample_correlate(x: Array, kernel: Array) -> Array:
    return lax.platform_dependent(
        x, kernel, cpu=phased_upsample_conv2d, default=dilated_upsample_conv2d
    )


@jax.custom_vjp
def upsample_conv2d(x: Array, kernel: Array) -> Array:
    """Nearest doubling followed by a 3x3 `conv2d`: ``x [b, H, W, I] -> [b, 2H, 2W, O]``.

    Equal to ``conv2d(upsample_nearest(x), kernel)`` up to rounding and about twice as fast, both
    ways. See `phased_upsample_conv2d` and `dilated_upsample_conv2d`.
    """
    return _upsample_correlate(x, kernel)


def _upsample_conv2d_fwd(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _upsample_correlate(x, kernel), (x, kernel)


def _upsample_conv2d_bwd(residual: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, kernel = residual
    (dkernel,) = jax.vjp(lambda k: _correlate(upsample_nearest(x), k), kernel)[1](g)
    return _upsample_conv2d_adjoint(g, kernel), dkernel


def _doubled_taps(kernel: Array) -> Array:
    # The adjoint of doubling sums blocks of four pixels; with the flipped 3x3 kernel it is one
    # 4x4 convolution of stride 2, ``[4, 4, O, I]``.
    flipped = jnp.flip(kernel, (0, 1)).transpose(0, 1, 3, 2)
    rows = jnp.pad(flipped, ((0, 1), *_UNPADDED)) + jnp.pad(flipped, ((1, 0), *_UNPADDED))
    columns = rows.swapaxes(0, 1)
    wide = jnp.pad(columns, ((0, 1), *_UNPADDED)) + jnp.pad(columns, ((1, 0), *_UNPADDED))
    return wide.swapaxes(0, 1)


def _downsample_correlate(g: Array, kernel: Array) -> Array:
    return lax.conv_general_dilated(
        g, _doubled_taps(kernel), (2, 2), ((1, 1), (1, 1)), dimension_numbers=_NHWC
    )


@jax.custom_vjp
def _upsample_conv2d_adjoint(g: Array, kernel: Array) -> Array:
    """Input gradient of `upsample_conv2d`, itself linear in ``g [b, 2H, 2W, O]``."""
    return _downsample_correlate(g, kernel)


def _upsample_conv2d_adjoint_fwd(g: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _downsample_correlate(g, kernel), (g, kernel)


def _upsample_conv2d_adjoint_bwd(residual: tuple[Array, Array], u: Array) -> tuple[Array, Array]:
    g, kernel = residual
    (dkernel,) = jax.vjp(lambda k: _downsample_correlate(g, k), kernel)[1](u)
    return upsample_conv2d(u, kernel), dkernel


_upsample_conv2d_adjoint.defvjp(_upsample_conv2d_adjoint_fwd, _upsample_conv2d_adjoint_bwd)
upsample_conv2d.defvjp(_upsample_conv2d_fwd, _upsample_conv2d_bwd)


def pixel_norm(x: Array) -> Array:
    """Divide each pixel's channel vector (last axis) by its root mean square (Karras 2018, 4.2)."""
    return x * lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + NORM_EPSILON)


def leaky_relu(x: Array, slope: float) -> Array:
    """``max(x, 0) + slope * min(x, 0)``, elementwise."""
    return jnp.where(x >= 0, x, slope * x)
