"""Cells of a table of restorations as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pmsfc_jax.evaluation.statistics import bootstrap_interval

#: Cells by column and row.
Cells = Mapping[str, Mapping[str, Mapping[str, Any]]]


def summary(cells: Cells, baselines: Sequence[str], rows: Sequence[str], *, seed: int) -> str:
    """All tables: PSNR of every row, the rows of the generator beside the best baseline, and more.

    Args:
      cells: records of `measure.measured`.
      baselines: rows that take no generator, in their order; a column has some of them.
      rows: the others, in their order.
      seed: of the intervals.

    """
    columns = list(cells)
    parts = [_table([*baselines, *rows], columns, lambda r, c: _mean(cells, r, c, "psnr", 2, seed))]
    parts[0] = f"PSNR in dB (95 % of the mean)\n\n{parts[0]}"
    against = _table(rows, columns, lambda row, column: _against(cells, row, column, seed))
    best = " | ".join(best_baseline(cells[column]) or "" for column in columns)
    parts.append(
        "PSNR beyond the best baseline of the column, photograph by photograph (95 % of the mean "
        f"difference)\n\n{against}\n| *best baseline* | {best} |"
    )
    for measure, title, digits in (
        ("ssim", "SSIM", 3),
        ("distance", "Perceptual distance", 3),
        ("chroma", "Error of chroma in grey levels", 1),
        ("fidelity", "Degraded again, against what was given: grey levels", 1),
    ):
        there = [record for column in cells.values() for record in column.values()]
        if all(record.get(measure) is None for record in there):
            continue
        table = _table(
            [*baselines, *rows],
            columns,
            lambda r, c, m=measure, d=digits: _mean(cells, r, c, m, d, None),
        )
        parts.append(f"{title}\n\n{table}")
    table = _table(
        [row for row in rows if any("correlation" in cells[c].get(row, {}) for c in columns)],
        columns,
        lambda row, column: _uncertainty(cells[column].get(row, {})),
    )
    parts.append(
        "Uncertainty, not calibrated: rank correlation with the error; error over uncertainty\n\n"
        f"{table}"
    )
    return "\n\n".join(parts) + "\n"


def best_baseline(column: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The name of the baseline with the highest mean PSNR; ``None`` where there is none."""
    found = {
        name: float(np.mean(record["psnr"]))
        for name, record in column.items()
        if record.get("baseline")
    }
    return max(found, key=lambda name: found[name]) if found else None


def beyond_best(
    column: Mapping[str, Mapping[str, Any]], row: str, *, seed: int
) -> tuple[float, float, float] | None:
    """Mean and 95 % interval of a row's PSNR less that of the best baseline, paired."""
    best = best_baseline(column)
    if best is None or row not in column:
        return None
    difference = np.asarray(column[row]["psnr"]) - np.asarray(column[best]["psnr"])
    return float(difference.mean()), *bootstrap_interval(difference, seed=seed)


def _table(rows: Iterable[str], columns: Sequence[str], cell: Any) -> str:
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    for row in rows:
        texts = [cell(row, column) for column in columns]
        if any(texts):
            lines.append([row, *texts])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _mean(cells: Cells, row: str, column: str, measure: str, digits: int, seed: int | None) -> str:
    values = cells[column].get(row, {}).get(measure)
    if values is None:
        return ""
    text = f"{np.mean(values):.{digits}f}"
    if seed is None:
        return text
    low, high = bootstrap_interval(np.asarray(values), seed=seed)
    return f"{text} ({low:.{digits}f} to {high:.{digits}f})"


def _against(cells: Cells, row: str, column: str, seed: int) -> str:
    found = beyond_best(cells[column], row, seed=seed)
    return "" if found is None else "{:+.2f} ({:+.2f} to {:+.2f})".format(*found)


def _uncertainty(record: Mapping[str, Any]) -> str:
    if "correlation" not in record:
        return ""
    return f"{record['correlation']:.2f}; {record['error_over_uncertainty']:.2f}"
