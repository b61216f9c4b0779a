"""The page of ``pmsfc evaluate --task``: of each loss its methods beside the best baseline."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.report import html
from pmsfc_jax.report.embed import bytes_each
from pmsfc_jax.report.pictures import matrix

Interval = tuple[float, float, float]
#: Photographs shown of each column.
_SHOWN = 8
_VERDICTS = ("better", "no different", "worse")


class Line(NamedTuple):
    """A method in a column.

    Attributes:
      name: its name.
      psnr: mean, and both ends of its 95 % interval, in dB.
      beyond: the same of its difference to the best baseline; ``None`` for baselines, and where
        there are none.

    """

    name: str
    psnr: Interval
    beyond: Interval | None

    @property
    def verdict(self) -> str:
        """Whether the interval of the difference lies on one side of zero; empty of baselines."""
        if self.beyond is None:
            return ""
        _, low, high = self.beyond
        return "better" if low > 0 else "worse" if high < 0 else "no different"


class Column(NamedTuple):
    """A kind of loss.

    Attributes:
      name: its name.
      lines: its methods.
      best: name of its best baseline, or ``None``.
      pictures: ``[n, H, W, 3]`` uint8 by their titles: given, methods, truth.

    """

    name: str
    lines: Sequence[Line]
    best: str | None
    pictures: Mapping[str, np.ndarray]


def save_columns_page(
    folder: Path,
    columns: Sequence[Column],
    *,
    settings: Mapping[str, Any],
    command: str | None = None,
) -> Path:
    """Write ``report.html`` of restorations that were compared.

    Raises:
      InputError: it cannot be written.
    """
    count = sum(
        min(len(pictures), _SHOWN) for column in columns for pictures in column.pictures.values()
    )
    parts = [html.paragraph(_LEGEND), _overview(columns)]
    for column in columns:
        parts += [html.section(column.name), _table(column), _matrix(column, bytes_each(count))]
    page = html.page(
        f"Restorations by {settings['generator']}", [*parts, *html.how_made(command, settings)]
    )
    path = folder / "report.html"
    write_text_atomic(path, page)
    return path


_LEGEND = (
    "Methods beside the best baseline of each kind of loss, one that takes no generator, by PSNR. "
    "In brackets: 95 % bootstrap interval over photographs. Better and worse are those whose "
    "interval of the difference, photograph by photograph, lies on one side of zero; each is an "
    "interval by itself, not corrected for their number."
)


def _overview(columns: Sequence[Column]) -> str:
    """In how many columns each method is better than the best baseline."""
    told: dict[str, list[str]] = {}
    for column in columns:
        for line in column.lines:
            if line.verdict:
                told.setdefault(line.name, []).append(line.verdict)
    rows = [
        [name, *(str(verdicts.count(verdict)) for verdict in _VERDICTS)]
        for name, verdicts in told.items()
    ]
    return html.table(["method", *_VERDICTS], rows) if rows else ""


def _table(column: Column) -> str:
    lines = [
        [
            line.name,
            _text(line.psnr, ""),
            "" if line.beyond is None else _text(line.beyond, "+"),
            line.verdict or ("best baseline" if line.name == column.best else "baseline"),
        ]
        for line in column.lines
    ]
    marks = [{"better": "yes", "worse": "no"}.get(line.verdict, "") for line in column.lines]
    header = ["method", "PSNR, dB", "beyond the best baseline, dB", "verdict"]
    return html.table(header, lines, marks=marks)


def _matrix(column: Column, most: int) -> str:
    count = min(_SHOWN, *(len(pictures) for pictures in column.pictures.values()))
    rows = [[pictures[i] for pictures in column.pictures.values()] for i in range(count)]
    return matrix([str(i + 1) for i in range(count)], list(column.pictures), rows, most=most)


def _text(interval: Interval, sign: str) -> str:
    mean, low, high = (f"{value:{sign}.2f}" for value in interval)
    return f"{mean} ({low}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{high})"
