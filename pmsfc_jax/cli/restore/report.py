"""What ``pmsfc restore`` tells of photographs: rows of metrics, a table, and sheets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.api import Restoration
from pmsfc_jax.cli.console import table
from pmsfc_jax.cli.restore.folder import SHOWN_TIMES
from pmsfc_jax.core.images import LEVELS, as_colours
from pmsfc_jax.io.images import read_png, save_png
from pmsfc_jax.io.metrics_table import Row
from pmsfc_jax.metrics import psnr, ssim
from pmsfc_jax.metrics.image_metrics import SSIM_WINDOW
from pmsfc_jax.report.sheet import comparison_sheet
from pmsfc_jax.report.text import can_draw

#: Longest table on the terminal; of a longer one the middle is left out.
_SHOWN = 40
_PER_PAGE = 100
_MEASURES = ("psnr_db", "ssim", "simple_psnr_db", "simple_ssim")


def quality(truth: np.ndarray | None, restored: np.ndarray, simple: np.ndarray) -> dict[str, str]:
    """Measures of one picture and of the simple way; empty where the truth is not known."""
    if truth is None:
        return dict.fromkeys(_MEASURES, "")
    small = min(truth.shape[:2]) < SSIM_WINDOW
    measured = {}
    for prefix, picture in (("", restored), ("simple_", simple)):
        pair = (truth[None], picture[None])
        measured[f"{prefix}psnr_db"] = f"{float(psnr(*pair)[0]):.3f}"
        measured[f"{prefix}ssim"] = "nan" if small else f"{float(ssim(*pair)[0]):.4f}"
    return {name: measured[name] for name in _MEASURES}


def row_of(
    found: Restoration,
    place: int,
    facts: Mapping[str, str],
    *,
    fidelity_levels: float,
    measured: Mapping[str, str],
) -> Row:
    """The row of metrics.csv of the photograph at ``place``."""
    misfit = np.sqrt(found.misfit[place][~found.screened[place]].mean()) * LEVELS
    return {
        **facts,
        "uncertainty": f"{LEVELS * float(found.uncertainty[place].mean()):.3f}",
        "fidelity": f"{fidelity_levels:.3f}",
        "misfit": f"{misfit:.3f}",
        "screened_out": str(int(found.screened[place].sum())),
        "layer": str(found.inversion.layer),
        "steps": str(found.inversion.num_steps),
        **measured,
    }


def as_numbers(row: Row) -> dict[str, Any]:
    """A row with its numbers as numbers; what was not measured is null."""
    whole, decimal = ("screened_out", "layer", "steps"), ("uncertainty", "fidelity", "misfit")

    def value(name: str, text: str) -> Any:
        if name in whole:
            return int(text)
        if name in (*decimal, *_MEASURES):
            return float(text) if text else None
        return text

    return {name: value(name, text) for name, text in row.items()}


def means(rows: Mapping[str, Row]) -> dict[str, float]:
    """Means over all photographs of what the table shows, and over those with a truth."""
    found = {}
    for column in ("uncertainty", "fidelity", *_MEASURES):
        values = [float(row[column]) for row in rows.values() if row.get(column)]
        if values:
            found[column] = float(np.mean(values))
    return found


def summary(rows: Mapping[str, Row]) -> str:
    """The table for the terminal."""
    mean = means(rows)
    columns = ["uncertainty", "fidelity", *(m for m in ("psnr_db", "simple_psnr_db") if m in mean)]
    titles = {
        "uncertainty": "uncertainty",
        "fidelity": "fidelity",
        "psnr_db": "PSNR dB",
        "simple_psnr_db": "simple way dB",
    }
    lines = [[name, row["task"], *(row[c] for c in columns)] for name, row in rows.items()]
    if len(lines) > _SHOWN:
        gap = ["..."] + [""] * (len(columns) + 1)
        lines = [*lines[: _SHOWN // 2], gap, *lines[-_SHOWN // 2 :]]
    last = ["mean", "", *(f"{mean[c]:.3f}" for c in columns)]
    return table(["image", "task", *(titles[c] for c in columns)], [*lines, last])


def save_sheets(run: Path, rows: Mapping[str, Row], truths: Mapping[str, np.ndarray]) -> None:
    """Draw ``sheet.png``, ``sheet-2.png``, ... of the pictures in a run's folder.

    Args:
      run: the folder.
      rows: of metrics, by name, in the order of the sheets.
      truths: clean pictures by name; where there is any they have a column.

    Raises:
      InputError: a sheet cannot be written.

    """
    columns = ("given", "restored", "uncertainty", "baseline")
    titles = ["given", "restored", f"uncertainty x{SHOWN_TIMES}", "simple way"]
    titles += ["truth"] if truths else []
    names = list(rows)
    pages: set[Path] = set()
    for first in range(0, len(names), _PER_PAGE):
        lines, captions = [], []
        for number, name in enumerate(names[first : first + _PER_PAGE], first + 1):
            try:
                pictures = [read_png(run / folder / f"{name}.png") for folder in columns]
            except OSError:
                continue
            if truths:
                pictures.append(truths.get(name, np.full_like(pictures[1], 255)))
            lines.append(pictures)
            captions.append(_caption(name if can_draw(name) else f"no. {number}", rows[name]))
        if lines:
            sheet = comparison_sheet(
                lines, column_titles=titles, row_titles=captions, cell=160, across=None
            )
            page = run / ("sheet.png" if not pages else f"sheet-{len(pages) + 1}.png")
            save_png(page, sheet)
            pages.add(page)
    for old in {run / "sheet.png", *run.glob("sheet-[0-9]*.png")} - pages:
        old.unlink(missing_ok=True)


def _caption(name: str, row: Row) -> str:
    quality_told = ""
    if row.get("psnr_db"):
        quality_told = f"{float(row['psnr_db']):.1f} dB  ·  "
    beside = f"{row['simple_way']}"
    if row.get("simple_psnr_db"):
        beside += f" {float(row['simple_psnr_db']):.1f} dB"
    return f"{name}  ·  {row['task']}  ·  {quality_told}beside {beside}"


def shown_given(one_target: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """What was given as a picture ``[h, w, 3]`` uint8, holes in grey."""
    picture = as_colours(one_target)
    if known is None:
        return picture
    mixed = known * picture + (1 - known) * 128.0
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
