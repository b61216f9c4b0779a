"""Convolutions of any stride and padding, and their adjoints: the transposed convolutions.

The two are one pair of maps between a fine and a coarse grid, with stride ``s``, padding ``p`` and
a kernel ``k``:

    gather    y[i]            = sum_u x[s i + u - p] k[u]         (an ordinary convolution)
    scatter   y[s i + u - p] += x[i] k[u]   for all i, u          (a transposed convolution)

Each is the other's gradient with respect to its input once the kernel's channels are exchanged, and
is written so below, since XLA's CPU backend has no fast path for the gradient of either inside a
loop (openxla/jax issue 12868). Maps are NHWC, kernels ``[k, k, I, O]``, not turned in either.

Both have two forms, chosen by platform as those of `nn.layers.upsample_conv2d`.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from pmsfc_jax.core.typing import Array

_NHWC = ("NHWC", "HWIO", "NHWC")
#: Of maps of fewer channels a CPU copies every s-th pixel for longer than that saves.
_MANY = 32

#: Height and width of a map.
Sides = tuple[int, int]
#: Pixels before and after a map, or cut off where negative, in height and width.
Pads = tuple[tuple[int, int], tuple[int, int]]


def gathered_side(side: int, kernel: int, stride: int, padding: int) -> int:
    """Side of a convolution's output; below 1 where the kernel does not fit."""
    return (side + 2 * padding - kernel) // stride + 1


def scattered_side(side: int, kernel: int, stride: int, padding: int, extra: int = 0) -> int:
    """Side of a transposed convolution's output; ``extra`` is PyTorch's output padding."""
    return (side - 1) * stride + kernel - 2 * padding + extra


def strided_conv2d(x: Array, kernel: Array, *, stride: int = 1, padding: int = 0) -> Array:
    """Correlate ``x [b, H, W, I]`` with ``kernel [k, k, I, O]``, zeros around it.

    As PyTorch's ``conv2d``; the output's sides are `gathered_side`.
    """
    size = kernel.shape[0]
    height, width = (gathered_side(side, size, stride, padding) for side in x.shape[1:3])
    return _gather(x, kernel, stride, padding, (height, width))


def transposed_conv2d(
    x: Array, kernel: Array, *, stride: int = 1, padding: int = 0, extra: int = 0
) -> Array:
    """Scatter ``kernel [k, k, I, O]``, weighted by each pixel of ``x [b, H, W, I]``.

    As PyTorch's ``conv_transpose2d``, whose weight is ``[I, O, k, k]``; the output's sides are
    `scattered_side`.
    """
    size = kernel.shape[0]
    height, width = (scattered_side(side, size, stride, padding, extra) for side in x.shape[1:3])
    return _scatter(x, kernel, stride, padding, (height, width))


def _gathered(x: Array, kernel: Array, stride: int, padding: int, sides: Sides) -> Array:
    size = kernel.shape[0]
    # What is missing after the last pixel; negative where the kernel never reaches it.
    after = [
        (out - 1) * stride + size - padding - side
        for out, side in zip(sides, x.shape[1:3], strict=True)
    ]
    pads = ((padding, after[0]), (padding, after[1]))
    if not _uneven(size, stride) or x.shape[-1] < _MANY:
        return strided_gather(x, kernel, stride, pads)
    return lax.platform_dependent(
        x,
        kernel,
        cpu=partial(phased_gather, stride=stride, pads=pads),
        default=partial(strided_gather, stride=stride, pads=pads),
    )


def strided_gather(x: Array, kernel: Array, stride: int, pads: Pads) -> Array:
    """The convolution with its stride: the form of TPUs and GPUs."""
    return lax.conv_general_dilated(x, kernel, (stride, stride), pads, dimension_numbers=_NHWC)


def phased_gather(x: Array, kernel: Array, stride: int, pads: Pads) -> Array:
    """A sum of convolutions without a stride, as `phased_scatter` scatters: the form of a CPU.

    Tap ``s t + r`` of output ``m`` meets pixel ``s (m + t) + r``: of each remainder r an ordinary
    convolution of every s-th pixel. XLA's own with a stride takes 0.9 to 2.8 times as long.
    """
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *((*pad, 0) for pad in pads), (0, 0, 0)))
    sides = [(side - kernel.shape[0]) // stride + 1 for side in x.shape[1:3]]
    parts = []
    for r in range(stride):
        for c in range(stride):
            taps = kernel[r::stride, c::stride]
            height, width = (
                side + reach - 1 for side, reach in zip(sides, taps.shape[:2], strict=True)
            )
            pixels = x[:, r::stride, c::stride][:, :height, :width]
            parts.append(
                lax.conv_general_dilated(pixels, taps, (1, 1), "VALID", dimension_numbers=_NHWC)
            )
    return sum(parts[1:], parts[0])


def _uneven(size: int, stride: int) -> bool:
    """Whether remainders of a kernel's positions have different numbers of taps, none of them 0."""
    return size > stride and size % stride > 0


def _scattered(x: Array, kernel: Array, stride: int, padding: int, sides: Sides) -> Array:
    b, h, w, channels = x.shape
    size, out = kernel.shape[0], kernel.shape[-1]
    if h == w == 1 and padding + max(sides) <= size:
        # One pixel: its product with the kernel is the whole answer.
        flat = x.reshape(b, channels) @ kernel.transpose(2, 0, 1, 3).reshape(channels, -1)
        y = flat.reshape(b, size, size, out)
        return y[:, padding : padding + sides[0], padding : padding + sides[1]]
    if stride == 1:
        return dilated_scatter(x, kernel, stride, padding, sides)
    return lax.platform_dependent(
        x,
        kernel,
        cpu=partial(phased_scatter, stride=stride, padding=padding, sides=sides),
        default=partial(dilated_scatter, stride=stride, padding=padding, sides=sides),
    )


def dilated_scatter(x: Array, kernel: Array, stride: int, padding: int, sides: Sides) -> Array:
    """A convolution of the dilated map with the reversed kernel: the form of TPUs and GPUs."""
    size = kernel.shape[0]
    before = size - 1 - padding
    # Negative where pixels are cut off.
    after = [
        out - (side - 1) * stride + size - 2 - before
        for out, side in zip(sides, x.shape[1:3], strict=True)
    ]
    return lax.conv_general_dilated(
        x,
        lax.rev(kernel, (0, 1)),
        (1, 1),
        [(before, after[0]), (before, after[1])],
        lhs_dilation=(stride, stride),
        dimension_numbers=_NHWC,
    )


def phased_scatter(x: Array, kernel: Array, stride: int, padding: int, sides: Sides) -> Array:
    """Small convolutions whose results are interleaved: the form of a CPU."""
    size, out = kernel.shape[0], kernel.shape[-1]
    # An output at position s m + r - p meets only the taps u = r + s t of the kernel, on the pixels
    # m - t. So all positions of one remainder r are an ordinary convolution with ceil(k / s) taps
    # or one less, interleaved with the others afterwards.
    first, offset = divmod(padding, stride)
    blocks = [(padding + side - 1) // stride - first + 1 for side in sides]

    def correlate(taps: Array) -> Array:
        pads = []
        for block, side, reach in zip(blocks, x.shape[1:3], taps.shape[:2], strict=True):
            before = reach - 1 - first
            pads.append((before, block + reach - 1 - side - before))
        return lax.conv_general_dilated(
            x, lax.rev(taps, (0, 1)), (1, 1), pads, dimension_numbers=_NHWC
        )

    if _uneven(size, stride):
        # Remainders have different taps: one convolution of all would multiply by zeros.
        phases = [[kernel[r::stride, c::stride] for c in range(stride)] for r in range(stride)]
        y = jnp.stack([jnp.stack(list(map(correlate, row)), 3) for row in phases], 2)
    else:
        # As channels of a single one.
        taps = -(-size // stride)
        room = taps * stride - size
        kernel = jnp.pad(kernel, ((0, room), (0, room), (0, 0), (0, 0)))
        kernel = kernel.reshape(taps, stride, taps, stride, -1, out)
        y = correlate(kernel.transpose(0, 2, 4, 1, 3, 5).reshape(taps, taps, -1, stride**2 * out))
        y = y.reshape(len(x), *blocks, stride, stride, out).transpose(0, 1, 3, 2, 4, 5)
    y = y.reshape(len(x), blocks[0] * stride, blocks[1] * stride, out)
    return y[:, offset : offset + sides[0], offset : offset + sides[1]]


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _gather(x: Array, kernel: Array, stride: int, padding: int, sides: Sides) -> Array:
    return _gathered(x, kernel, stride, padding, sides)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _scatter(x: Array, kernel: Array, stride: int, padding: int, sides: Sides) -> Array:
    return _scattered(x, kernel, stride, padding, sides)


def _gather_fwd(
    x: Array, kernel: Array, stride: int, padding: int, sides: Sides
) -> tuple[Array, tuple[Array, Array]]:
    return _gathered(x, kernel, stride, padding, sides), (x, kernel)


def _scatter_fwd(
    x: Array, kernel: Array, stride: int, padding: int, sides: Sides
) -> tuple[Array, tuple[Array, Array]]:
    return _scattered(x, kernel, stride, padding, sides), (x, kernel)


def _gather_bwd(
    stride: int, padding: int, sides: Sides, residual: tuple[Array, Array], g: Array
) -> tuple[Array, Array]:
    x, kernel = residual
    # With a gradient of its own, so that curvature products stay fast, too.
    dx = _scatter(g, kernel.swapaxes(2, 3), stride, padding, (x.shape[1], x.shape[2]))
    (dkernel,) = jax.vjp(lambda k: _gathered(x, k, stride, padding, sides), kernel)[1](g)
    return dx, dkernel


def _scatter_bwd(
    stride: int, padding: int, sides: Sides, residual: tuple[Array, Array], g: Array
) -> tuple[Array, Array]:
    x, kernel = residual
    dx = _gather(g, kernel.swapaxes(2, 3), stride, padding, (x.shape[1], x.shape[2]))
    (dkernel,) = jax.vjp(lambda k: _scattered(x, k, stride, padding, sides), kernel)[1](g)
    return dx, dkernel


_gather.defvjp(_gather_fwd, _gather_bwd)
_scatter.defvjp(_scatter_fwd, _scatter_bwd)
