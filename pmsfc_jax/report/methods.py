"""The page of ``pmsfc evaluate``: methods beside the best one, with intervals, and pictures."""

import html as escaping
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.core.wording import counted
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.report import html
from pmsfc_jax.report.embed import bytes_each
from pmsfc_jax.report.pictures import compare, gallery, matrix

MethodRow = Mapping[str, Any]
#: Measures of a row with an interval: name, heading, decimals.
_MEASURES = (("psnr", "PSNR, dB", 2), ("ssim", "SSIM", 3), ("distance", "distance", 3))
#: Photographs that are shown.
_SHOWN = 16
_WIDTH, _LINE, _LEFT, _RIGHT = 640, 26, 190, 20


def save_methods_page(
    folder: Path,
    rows: Sequence[MethodRow],
    targets: np.ndarray,
    pictures: Mapping[str, np.ndarray],
    *,
    settings: Mapping[str, Any],
    command: str | None = None,
) -> Path:
    """Write ``report.html`` of methods that were compared on the same photographs.

    Args:
      folder: where to.
      rows: a method each: means with their 95 % intervals (``psnr``, ``psnr_low``, ...) and
        ``to_best``, the difference of PSNR to the best method, ``None`` for the best itself.
      targets: the photographs, ``[n, H, W, 3]`` uint8.
      pictures: what each method draws of them, by its name, of the same shape.
      settings: what decided the outcome.
      command: as it was typed.

    Returns:
      The page.

    Raises:
      InputError: it cannot be written.
    """
    [best] = [row["method"] for row in rows if row["to_best"] is None]
    shown = min(len(targets), _SHOWN)
    most = bytes_each(shown * (len(pictures) + 3))
    columns = [targets[:shown], *(drawn[:shown] for drawn in pictures.values())]
    titles = [f"{number + 1}" for number in range(shown)]
    path = folder / "report.html"
    parts = [
        html.paragraph(_summary(rows, best, len(targets))),
        interval_chart(rows),
        html.section("Methods"),
        _table(rows),
        html.paragraph(_LEGEND),
        html.section("What they draw"),
        matrix(
            titles,
            ["photograph", *pictures],
            [[column[i] for column in columns] for i in range(shown)],
            most=most,
        ),
        html.section(f"Photograph and {best}"),
        gallery([
            compare(targets[i], pictures[best][i], ("photograph", best),
                    caption=f"photograph {titles[i]}", side=256, most=most)
            for i in range(shown)
        ]),
        *html.how_made(command, settings),
    ]  # fmt: skip
    write_text_atomic(path, html.page(f"Methods on {settings['generator']}", parts))
    return path


def verdict(row: MethodRow) -> str:
    """Whether a method is the best, worse than it, or no different as far as photographs tell."""
    if row["to_best"] is None:
        return "best"
    return "worse" if row["to_best_high"] < 0 else "no different"


def _summary(rows: Sequence[MethodRow], best: str, count: int) -> str:
    told = [verdict(row) for row in rows]
    worse = told.count("worse")
    many = counted(count, "photograph")
    return (
        f"{len(rows)} methods on the same {many}. {best} has the highest mean PSNR; "
        f"{worse} {'is' if worse == 1 else 'are'} worse by the 95 % interval of the difference, "
        f"{told.count('no different')} no different."
    )


_LEGEND = (
    "In brackets: 95 % bootstrap interval over photographs. The difference to the best is that of "
    "the same photographs, so it can be certain where the intervals of the means overlap. Each is "
    "an interval by itself, not corrected for the number of methods."
)


def _table(rows: Sequence[MethodRow]) -> str:
    measures = [measure for measure in _MEASURES if measure[0] in rows[0]]
    header = ["method", "codes", "weights a channel", "steps"]
    header += [heading for _, heading, _ in measures]
    header += ["PSNR to the best, dB", "s an image", "peak MiB", "verdict"]
    lines = [
        [
            row["method"],
            *(str(row[name]) for name in ("codes", "weights_per_channel", "steps")),
            *(_interval(row, name, digits) for name, _, digits in measures),
            "" if row["to_best"] is None else _interval(row, "to_best", 2),
            f"{row['seconds_per_image']:.2f}",
            "" if row["peak_mib"] is None else f"{row['peak_mib']:.0f}",
            verdict(row),
        ]
        for row in rows
    ]
    marks = [{"best": "yes", "worse": "no"}.get(verdict(row), "") for row in rows]
    return html.table(header, lines, marks=marks)


def _interval(row: MethodRow, name: str, digits: int) -> str:
    mean, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    # Where there is no room for both, the interval goes below the mean, in one piece.
    within = f"{low:.{digits}f} to {high:.{digits}f}".replace(" ", "\N{NO-BREAK SPACE}")
    return f"{mean:.{digits}f} ({within})"


def interval_chart(rows: Sequence[MethodRow]) -> str:
    """Mean PSNR of each method with its 95 % interval, in the page's own colours."""
    low = min(float(row["psnr_low"]) for row in rows)
    high = max(float(row["psnr_high"]) for row in rows)
    span = max(high - low, 0.1)

    def x(value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (value - low) / span

    height = _LINE * len(rows) + 34
    ticks = _round_ticks(low, low + span)
    drawn = [
        f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="6" y2="{height - 28}">'
        f'</line><text x="{x(tick):.1f}" y="{height - 12}" text-anchor="middle">{tick:g}</text>'
        for tick in ticks
    ]
    for number, row in enumerate(rows):
        y = 6 + _LINE * (number + 0.5)
        name, kind = escaping.escape(row["method"]), "best" if row["to_best"] is None else "other"
        drawn.append(
            f'<g class="{kind}"><title>{name}: {_interval(row, "psnr", 2)} dB</title>'
            f'<text x="{_LEFT - 14}" y="{y + 4:.1f}" text-anchor="end">{name}</text>'
            f'<line x1="{x(row["psnr_low"]):.1f}" x2="{x(row["psnr_high"]):.1f}" y1="{y:.1f}" '
            f'y2="{y:.1f}"></line><circle cx="{x(row["psnr"]):.1f}" cy="{y:.1f}" r="4.5"></circle>'
            "</g>"
        )
    caption = "Mean PSNR in dB, and its 95 % interval over photographs."
    return (
        f'<figure class="curves intervals"><svg viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{caption}">{"".join(drawn)}</svg><figcaption>{caption}</figcaption></figure>'
    )


def _round_ticks(low: float, high: float) -> list[float]:
    """Three to eight round numbers between two."""
    step = next(
        size
        for exponent in range(-3, 4)
        for size in (10.0**exponent, 2 * 10.0**exponent, 5 * 10.0**exponent)
        if (high - low) / size <= 7
    )
    first = np.ceil(low / step)
    return [round(float(n * step), 6) for n in np.arange(first, np.floor(high / step) + 1)]
