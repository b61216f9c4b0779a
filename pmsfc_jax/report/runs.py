"""The sheets of an inversion run: target, reconstruction, difference."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pmsfc_jax.io.images import read_png, save_png
from pmsfc_jax.report.sheet import reconstruction_sheet

#: Images on one sheet: no more are looked at together, nor held in memory.
PER_PAGE = 100


def save_run_sheets(run: Path, psnr: Mapping[str, float]) -> list[Path]:
    """Draw ``sheet.png``, ``sheet-2.png``, ... of a run's folder from the pictures in it.

    Pages of an earlier, longer run go. An image whose pictures are no longer there is left out.

    Args:
      run: the folder, see `pmsfc_jax.io.runs`.
      psnr: decibels by image name, in the order of the pages.

    Returns:
      The pages.

    Raises:
      InputError: a page cannot be written.

    """
    names = list(psnr)
    pages: list[Path] = []
    for first in range(0, len(names), PER_PAGE):
        pairs = {name: pictures_of(run, name) for name in names[first : first + PER_PAGE]}
        there = {name: pair for name, pair in pairs.items() if pair is not None}
        if not there:
            continue
        sheet = reconstruction_sheet(
            [target for target, _ in there.values()],
            [image for _, image in there.values()],
            names=list(there),
            psnr=[psnr[name] for name in there],
            cell=160,
            first=first + 1,
        )
        pages.append(run / ("sheet.png" if not pages else f"sheet-{len(pages) + 1}.png"))
        save_png(pages[-1], sheet)
    for old in {run / "sheet.png", *run.glob("sheet-[0-9]*.png")} - set(pages):
        old.unlink(missing_ok=True)
    return pages


def pictures_of(run: Path, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Target and image of one name, ``None`` where they cannot be read or do not fit."""
    try:
        target, image = (read_png(run / folder / f"{name}.png") for folder in ("targets", "images"))
    except (OSError, SyntaxError, ValueError):
        return None
    return (target, image) if target.shape == image.shape else None
