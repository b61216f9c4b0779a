"""How local a change of pictures is, how two changes overlap, and what kind of change it is.

A change ``d [..., H, W, 3]`` is the difference of two pictures, its energy map
``q [..., H, W]`` the sum of squares over the colours. Everything is numpy in float64. A measure of
a change that is zero everywhere is undefined and NaN; `mean_defined` leaves it out.
"""

import numpy as np


def energy_map(change: np.ndarray) -> np.ndarray:
    """``q [..., H, W]``: squares of ``[..., H, W, 3]`` summed over the colours."""
    return np.square(change.astype(np.float64)).sum(axis=-1)


def area(energy: np.ndarray) -> np.ndarray:
    """Share of the picture that changes: the participation ratio of energy ``[..., H, W]``.

    ``(sum q)^2 / (H W sum q^2)``: n / (H W) where n pixels change equally and the others not at
    all; 1 where all pixels do.
    """
    size = energy.shape[-2] * energy.shape[-1]
    return _ratio(np.square(energy.sum(axis=(-2, -1))), size * np.square(energy).sum(axis=(-2, -1)))


def radius(energy: np.ndarray) -> np.ndarray:
    """How far a change reaches: RMS distance from its centre of energy, ``[..., H, W] -> [...]``.

    In units of the RMS distance of a change that is the same at every pixel: 0 for a single
    pixel, 1 for the whole picture, up to about 1.7 for opposite corners.
    """
    height, width = energy.shape[-2:]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    total = energy.sum(axis=(-2, -1))

    def variance(place: np.ndarray) -> np.ndarray:
        mean = _ratio((energy * place).sum(axis=(-2, -1)), total)
        away = np.square(place - mean[..., None, None])
        return _ratio((energy * away).sum(axis=(-2, -1)), total)

    uniform = (height**2 + width**2 - 2) / 12
    return np.sqrt((variance(rows) + variance(columns)) / uniform)


def colour_energy(change: np.ndarray) -> np.ndarray:
    """Energy ``[...]`` of the part of ``[..., H, W, 3]`` that is not grey.

    At each pixel the change is split into its mean over the three colours and the rest, which are
    orthogonal; the energy of the rest is what is counted.
    """
    values = change.astype(np.float64)
    return np.square(values - values.mean(axis=-1, keepdims=True)).sum(axis=(-3, -2, -1))


def flat_energy(change: np.ndarray) -> np.ndarray:
    """Energy ``[...]`` of the part of ``[..., H, W, 3]`` that is the same at every pixel."""
    size = change.shape[-3] * change.shape[-2]
    return size * np.square(change.astype(np.float64).mean(axis=(-3, -2))).sum(axis=-1)


def overlaps(changes: np.ndarray) -> np.ndarray:
    """Do changes happen at the same pixels? Cosines ``[P, R, R]`` of ``sqrt(q)``, 0 to 1.

    Args:
      changes: ``[P, R, H, W, 3]``.
    """
    size = np.sqrt(energy_map(changes))
    return _cosines(size.reshape(*size.shape[:2], -1))


def alignments(changes: np.ndarray) -> np.ndarray:
    """Do changes do the same there? Cosines ``[P, R, R]`` of ``[P, R, H, W, 3]``, -1 to 1.

    Nowhere larger in magnitude than `overlaps`.
    """
    return _cosines(changes.reshape(*changes.shape[:2], -1).astype(np.float64))


def shared_variation(changes: np.ndarray) -> np.ndarray:
    """Are the changes of two subspaces of the same kinds? ``[R, R]``, 0 to 1 up to sampling noise.

    With ``M_r`` the second-moment matrix (pixels by pixels) of the changes of subspace r over
    pairs, ``tr(M_r M_s) / sqrt(tr(M_r^2) tr(M_s^2))``: 0 where every change of the one is
    orthogonal to every change of the other, 1 on the diagonal. It is taken from products of
    different pairs only, ``tr(M_r M_s) = mean over p != p' of <d_r^p, d_s^p'>^2``, which makes
    numerator and denominators unbiased.

    Args:
      changes: ``[P, R, ...]``, at least two pairs.
    """
    pairs, sets = changes.shape[:2]
    rows = changes.reshape(pairs * sets, -1).astype(np.float64)
    squares = np.square(rows @ rows.T).reshape(pairs, sets, pairs, sets)
    squares[np.arange(pairs), :, np.arange(pairs), :] = 0
    moments = squares.sum(axis=(0, 2))
    size = np.sqrt(np.diag(moments))
    return _ratio(moments, np.outer(size, size))


def mean_defined(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Mean of the entries that are not NaN; NaN where there are none."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(axis=axis), defined.sum(axis=axis))


def pooled(change: np.ndarray, side: int) -> np.ndarray:
    """Means over square blocks, such that ``[..., H, W, 3]`` has at most ``side`` pixels a side.

    A picture whose sides are no multiples of the block loses the rest at its right and lower edge.
    """
    *leading, height, width, colours = change.shape
    block = -(-max(height, width) // side)
    rows, columns = height // block, width // block
    blocks = change[..., : rows * block, : columns * block, :].reshape(
        *leading, rows, block, columns, block, colours
    )
    return blocks.mean(axis=(-4, -2))


def _cosines(rows: np.ndarray) -> np.ndarray:
    """``[P, R, N] -> [P, R, R]``."""
    products = rows @ rows.swapaxes(-1, -2)
    size = np.sqrt(np.einsum("prn,prn->pr", rows, rows))
    return _ratio(products, size[:, :, None] * size[:, None, :])


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The quotient, NaN where the denominator is 0."""
    zero = denominator == 0
    return np.where(zero, np.nan, numerator / np.where(zero, 1, denominator))
