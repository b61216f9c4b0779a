"""Operations of the published generators in numpy float64, each the plainest way there is.

Images and features are ``[b, C, H, W]`` and kernels are as torch has them: an independent account
of what `pmsfc_jax.nn` computes another way.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def conv(x, kernel, padding):
    """Correlate with ``kernel [O, I, k, k]``."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = sliding_window_view(x, kernel.shape[2:], (2, 3))
    return np.tensordot(windows, kernel, ([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2)


def conv_transpose(x, kernel, stride, padding):
    """Scatter each pixel times ``kernel [I, O, k, k]``, as torch's conv_transpose2d."""
    b, _, h, w = x.shape
    _, out, k, _ = kernel.shape
    full = np.zeros((b, out, stride * (h - 1) + k, stride * (w - 1) + k))
    for y in range(h):
        for x_ in range(w):
            patch = np.tensordot(x[:, :, y, x_], kernel, (1, 0))
            full[:, :, stride * y : stride * y + k, stride * x_ : stride * x_ + k] += patch
    return full[:, :, padding : full.shape[2] - padding, padding : full.shape[3] - padding]


def fused_up_conv(x, kernel):
    """Doubling and convolution in one, ``kernel [I, O, 3, 3]`` as of a transposed convolution."""
    wide = np.pad(kernel, ((0, 0), (0, 0), (1, 1), (1, 1)))
    wide = sum(wide[:, :, dy : dy + 4, dx : dx + 4] for dy in (0, 1) for dx in (0, 1))
    return conv_transpose(x, wide, stride=2, padding=1)


def nearest(x, factor=2):
    return x.repeat(factor, 2).repeat(factor, 3)


def bilinear(x):
    """Doubling as torch's interpolate with align_corners False: half-pixel centres, clamped."""
    for axis in (2, 3):
        size = x.shape[axis]
        place = np.clip((np.arange(2 * size) + 0.5) / 2 - 0.5, 0, size - 1)
        below = np.floor(place).astype(int)
        above = np.minimum(below + 1, size - 1)
        share = (place - below).reshape([-1 if a == axis else 1 for a in range(4)])
        x = np.take(x, below, axis) * (1 - share) + np.take(x, above, axis) * share
    return x


def pixel_norm(x):
    return x / np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-8)


def leaky(x, slope=0.2):
    return np.maximum(x, 0) + slope * np.minimum(x, 0)


def channels(bias):
    return bias.reshape(1, -1, 1, 1)


def square(z):
    """``[b, d]`` as a feature of one pixel."""
    return z.reshape(*z.shape, 1, 1)
