"""What tables of measured numbers are written with; `update_tables.py` writes them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.evaluation.statistics import bootstrap_interval
from pmsfc_jax.evaluation.tables import interval

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
QUALITY = ("PSNR dB (95 % of the mean)", "SSIM", "distance")


def read(name: str) -> dict[str, Any]:
    """The results of a benchmark."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [" | ".join(cells) for cells in (header, *rows)]
    rule = "|".join(["---"] * len(header))
    return f"| {lines[0]} |\n|{rule}|\n" + "".join(f"| {line} |\n" for line in lines[1:])


def marked(cells: Sequence[str], values: Sequence[float], best: Callable) -> list[str]:
    """The cells with the first number of the best one in bold, and of those that equal it."""
    first = [cell.split(" ")[0] for cell in cells]
    winner = first[values.index(best(values))]
    return [
        f"**{head}**{cell[len(head) :]}" if head == winner else cell
        for head, cell in zip(first, cells, strict=True)
    ]


def difference(values: np.ndarray) -> str:
    """The mean of paired differences, one an image, with its interval where there are several."""
    if len(values) == 1:
        return f"{values[0]:+.2f}"
    low, high = bootstrap_interval(values)
    return f"{values.mean():+.2f} ({low:.2f} to {high:.2f})"


def quality(row: dict[str, Any]) -> tuple[str, str, str]:
    """PSNR, SSIM and distance of a method."""
    return interval(row, "psnr", 2), f"{row['ssim']:.3f}", f"{row['distance']:.3f}"


def compared(rows: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """`quality` of each row, the best of each column in bold."""
    columns = zip(*map(quality, rows), strict=True)
    best = {"psnr": max, "ssim": max, "distance": min}
    found = [
        marked(cells, [row[measure] for row in rows], choose)
        for cells, (measure, choose) in zip(columns, best.items(), strict=True)
    ]
    return list(zip(*found, strict=True))
