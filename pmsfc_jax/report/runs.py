"""The sheet of an inversion run: target, reconstruction, difference."""

from pathlib import Path

import numpy as np
from PIL import Image

from pmsfc_jax.report.sheet import reconstruction_sheet

#: A sheet with more rows than this is no longer looked at; the pictures are all in the folder.
MOST_ROWS = 40


def run_sheet(run: Path, psnr: dict[str, float]) -> np.ndarray:
    """Draw the sheet of a run's folder, one row an image, as uint8 ``[H, W, 3]``.

    Args:
      run: the folder, see `pmsfc_jax.io.runs`.
      psnr: decibels by image name, in the order of the rows; the first `MOST_ROWS` are drawn.
    """
    names = list(psnr)[:MOST_ROWS]

    def pictures(folder: str) -> list[np.ndarray]:
        paths = [run / folder / f"{name}.png" for name in names]
        return [np.asarray(Image.open(path).convert("RGB")) for path in paths]

    return reconstruction_sheet(
        pictures("targets"),
        pictures("images"),
        names=names,
        psnr=[psnr[name] for name in names],
        cell=160,
    )
