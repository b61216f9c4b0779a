"""What ``pmsfc invert`` tells of an image and of a run: rows of metrics, and a table."""

from typing import Any

import numpy as np

from pmsfc_jax.api import InversionResult
from pmsfc_jax.cli.console import table
from pmsfc_jax.io.metrics_table import Row
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.metrics import psnr, ssim
from pmsfc_jax.metrics.image_metrics import SSIM_WINDOW

Rows = dict[str, Row]
#: Longest table on the terminal; of a longer one the middle is left out.
_SHOWN = 40


def measure(
    files: list[PhotographFile], targets: np.ndarray, images: np.ndarray, result: InversionResult
) -> list[Row]:
    """A row of metrics.csv for each image of a batch, taken on what the user gets: uint8."""
    decibels = np.asarray(psnr(targets, images))
    small = min(targets.shape[1:3]) < SSIM_WINDOW
    similarity = np.full(len(targets), np.nan) if small else np.asarray(ssim(targets, images))
    best = np.where(np.isfinite(result.losses), result.losses, np.inf).min(axis=1)
    return [
        {
            "image": file.name,
            "psnr_db": f"{decibels[i]:.3f}",
            "ssim": f"{similarity[i]:.4f}",
            "loss": f"{best[i]:.6g}",
            "steps": str(int(result.steps[i])),
            "reason": str(result.reason[i]),
            "best_step": str(int(result.best_step[i])),
            "guarded_denominators": str(int(result.guarded[i])),
            "restarted": str(int(result.restarted[i])),
            "seconds": f"{result.seconds[i]:.3f}",
            "source": file.source,
            "source_sha256": file.sha256,
        }
        for i, file in enumerate(files)
    ]


def as_numbers(row: Row) -> dict[str, Any]:
    """A row of metrics.csv with its numbers as numbers."""
    text = ("image", "reason", "source", "source_sha256")
    whole = ("steps", "best_step", "guarded_denominators", "restarted")
    return {
        name: value if name in text else int(value) if name in whole else float(value)
        for name, value in row.items()
    }


def means(rows: Rows) -> dict[str, float]:
    """Means over all images of what the table shows."""
    columns = ("psnr_db", "ssim", "seconds")
    return {c: float(np.mean([float(row[c]) for row in rows.values()])) for c in columns}


def summary(rows: Rows) -> str:
    """The table for the terminal."""
    lines = [[name, row["psnr_db"], row["ssim"], row["seconds"]] for name, row in rows.items()]
    if len(lines) > _SHOWN:
        lines = [*lines[: _SHOWN // 2], ["...", "", "", ""], *lines[-_SHOWN // 2 :]]
    mean = ["mean", *(f"{value:.3f}" for value in means(rows).values())]
    return table(["image", "PSNR dB", "SSIM", "seconds"], [*lines, mean])
