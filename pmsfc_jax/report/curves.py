"""Curves of losses, drawn as SVG in the page's own colours."""

import html
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

_WIDTH, _HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 36
#: Points of one curve: more are not seen.
_POINTS = 160


def loss_curves(
    losses: ArrayLike, names: Sequence[str], *, caption: str = "loss before each step"
) -> str:
    """The loss of every image over the steps, and their median, on a logarithmic scale.

    Args:
      losses: ``[n, num_steps]``; what is not finite or not positive is left out.
      names: of the images, told where the pointer rests on a curve.
      caption: stands below.

    Returns:
      A part of a page; empty where there is no loss to be drawn.
    """
    values = np.asarray(losses, np.float64)
    values = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    if values.ndim != 2 or np.isnan(values).all():
        return ""
    low, high = math.log10(np.nanmin(values)), math.log10(np.nanmax(values))
    if high - low < 1e-3:
        low, high = low - 0.5, high + 0.5
    steps = values.shape[1]
    chosen = np.unique(np.linspace(0, steps - 1, min(steps, _POINTS)).round().astype(int))

    def x(step: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * step / max(steps - 1, 1)

    def y(exponent: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - exponent) / (high - low)

    def line(curve: np.ndarray, kind: str, name: str) -> str:
        points = " ".join(
            f"{x(step):.1f},{y(math.log10(curve[step])):.1f}"
            for step in chosen
            if not np.isnan(curve[step])
        )
        return (
            f'<polyline class="{kind}" points="{points}"><title>{html.escape(name)}</title>'
            "</polyline>"
        )

    grid = [
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick):.1f}" '
        f'y2="{y(tick):.1f}"></line><text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" '
        f'text-anchor="end">{10**tick:.3g}</text>'
        for tick in _ticks(low, high)
    ]
    marks = [
        f'<text x="{x(step):.1f}" y="{_HEIGHT - 14}" text-anchor="middle">{step}</text>'
        for step in sorted({0, (steps - 1) // 2, steps - 1})
    ]
    known = ~np.isnan(values).all(axis=0)
    middle = np.full(steps, np.nan)
    middle[known] = np.nanmedian(values[:, known], axis=0)
    lines = [line(curve, "one", name) for curve, name in zip(values, names, strict=True)]
    lines += [line(middle, "middle", "median")] if len(values) > 1 else []
    return (
        f'<figure class="curves"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{html.escape(caption)}">{"".join([*grid, *marks, *lines])}</svg>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _ticks(low: float, high: float) -> list[float]:
    """Exponents of four to eight round numbers between ``10**low`` and ``10**high``."""
    for mantissas in ((1,), (1, 3), (1, 2, 5), tuple(range(1, 10))):
        ticks = [
            exponent + math.log10(mantissa)
            for exponent in range(math.floor(low), math.ceil(high) + 1)
            for mantissa in mantissas
        ]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 4:
            break
    return ticks[:: -(-len(ticks) // 8)] if ticks else [low, high]
