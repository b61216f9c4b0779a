"""The pages of an inversion run: before and after, metrics, losses, settings.

They are drawn from the files of the run, a page at a time, as sheets are.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.wording import counted
from pmsfc_jax.io.codes import load_codes
from pmsfc_jax.io.metrics_table import Row
from pmsfc_jax.report import html
from pmsfc_jax.report.curves import loss_curves
from pmsfc_jax.report.paged import save_pages
from pmsfc_jax.report.pictures import compare, gallery
from pmsfc_jax.report.runs import PER_PAGE, pictures_of

#: Columns of ``metrics.csv`` as the page calls them.
_COLUMNS = {
    "psnr_db": "PSNR, dB",
    "ssim": "SSIM",
    "loss": "loss",
    "steps": "steps",
    "reason": "done by",
    "best_step": "best step",
    "restarted": "tried again",
    "seconds": "seconds",
    "source": "photograph",
}
_MEANS = ("psnr_db", "ssim", "seconds")


def save_run_pages(
    run: Path, rows: Mapping[str, Row], settings: Mapping[str, Any], *, command: str | None = None
) -> list[Path]:
    """Write ``report.html``, ``report-2.html``, ... of a run's folder from the files in it.

    Pages of an earlier, longer run go. An image whose pictures are no longer there is in the table
    alone.

    Args:
      run: the folder, see `pmsfc_jax.io.runs`.
      rows: of ``metrics.csv``, by image name, in the order of the pages.
      settings: what decided the outcome, see ``config.json``.
      command: as it was typed, where it was one.

    Returns:
      The pages.

    Raises:
      InputError: a page cannot be written.
    """
    return save_pages(
        run,
        f"Inversion by {settings['generator']}",
        list(rows),
        lambda names: _parts(run, {name: rows[name] for name in names}),
        per_page=PER_PAGE,
        first=[html.paragraph(_summary(rows, settings))] if rows else [],
        last=html.how_made(command, settings),
    )


def _summary(rows: Mapping[str, Row], settings: Mapping[str, Any]) -> str:
    psnr = np.array([float(row["psnr_db"]) for row in rows.values()])
    many = counted(len(rows), "photograph")
    spread = f", from {psnr.min():.2f} to {psnr.max():.2f}" if len(rows) > 1 else ""
    inversion = settings["inversion"]
    return (
        f"{many}, composed by {inversion['composition']} at layer {inversion['layer']} in "
        f"{inversion['num_steps']} steps: {psnr.mean():.2f} dB{spread}. Left of the slider is the "
        "photograph as the generator could draw it at best, right of it what the codes draw."
    )


def _parts(run: Path, rows: Mapping[str, Row]) -> list[str]:
    """The parts of one page."""
    shown_pictures, curves = [], {}
    for name, row in rows.items():
        pair = pictures_of(run, name)
        if pair is not None:
            caption = f"{name}: {row['psnr_db']} dB"
            shown_pictures.append(compare(*pair, ("photograph", "redrawn"), caption=caption))
        losses = _losses(run, name)
        if losses is not None:
            curves[name] = losses
    parts = [html.section("Before and after"), gallery(shown_pictures)] if shown_pictures else []
    parts += [html.section("Metrics"), _metrics(rows)]
    drawn = _curves(curves)
    return [*parts, html.section("Losses"), drawn] if drawn else parts


def _losses(run: Path, name: str) -> np.ndarray | None:
    try:
        return load_codes(run / "codes" / f"{name}.npz").losses[0]
    except InputError:
        return None


def _curves(losses: Mapping[str, np.ndarray]) -> str:
    """The curves; those of images that were done earlier go on level."""
    curves = {name: curve for name, curve in losses.items() if len(curve)}
    if not curves:
        return ""
    lengths = {len(curve) for curve in curves.values()}
    caption = "Loss before each step: thin lines are images, the thick one is their median."
    if len(lengths) > 1:
        caption += " Lines of images that were done earlier go on level."
    drawn = [np.pad(c, (0, max(lengths) - len(c)), mode="edge") for c in curves.values()]
    return loss_curves(np.stack(drawn), list(curves), caption=caption)


def _metrics(rows: Mapping[str, Row]) -> str:
    columns = [name for name in _COLUMNS if any(name in row for row in rows.values())]
    lines = [[name, *(row.get(column, "") for column in columns)] for name, row in rows.items()]
    if len(rows) > 1:
        mean = [_mean(rows.values(), column) if column in _MEANS else "" for column in columns]
        lines.append(["mean", *mean])
    left = (0, *(1 + i for i, column in enumerate(columns) if column == "source"))
    return html.table(["image", *(_COLUMNS[column] for column in columns)], lines, left=left)


def _mean(rows: Iterable[Row], column: str) -> str:
    return f"{np.mean([float(row[column]) for row in rows]):.3f}"
