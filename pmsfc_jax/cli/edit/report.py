"""The folder that ``pmsfc edit`` writes.

pictures/NAME.png        every picture as it is drawn before anything is changed
frames/EDIT-000.png      frames of each edit, of the generator's size
strips/EDIT.png          picture, frames and sources side by side
moving/EDIT.gif, .apng   the frames there and back, where there are two or more
edits/EDIT.npz           what draws the frames again: `pmsfc render` gives their bits
sheet.png                the last frames, a picture and its source a row, a subspace a column; of
                         moves a picture and its direction a row, the frames its columns
report.html              all of it on a page to look at; report-2.html, ... of many edits
edit.json                all of it for programs
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.cli.out_folder import check_out_folder
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.animation import save_apng, save_gif
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.images import save_png
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.io.runs import make_folder
from pmsfc_jax.report.pictures import evenly_chosen
from pmsfc_jax.report.sheet import comparison_sheet

RECORD = "edit.json"
_FORMAT = 1
_FOLDERS = ("pictures", "frames", "strips", "moving", "edits")
_FILES = (
    *("pictures/*.png", "frames/*.png", "strips/*.png", "moving/*.gif", "moving/*.apng"),
    *("edits/*.npz", "sheet*.png", "report*.html", RECORD),
)
#: Rows of one sheet, and frames of one strip, at most.
_ROWS, _FRAMES = 24, 16
_CELL = 128


def check_folder(folder: Path) -> None:
    """Check that the folder may be written to: it is new, empty, or holds an earlier edit.

    Raises:
      InputError: it may not.

    """
    check_out_folder(folder)
    if folder.is_dir() and not (folder / RECORD).exists() and any(folder.glob("[!.]*")):
        raise InputError(f"{shown(folder)} is not empty and holds no edit: choose another --out")


def begin_folder(folder: Path, record: dict[str, Any]) -> None:
    """Make the folder and clear away an earlier edit, with its record in the new one's place.

    Raises:
      InputError: the folder cannot be written to.

    """
    make_folder(folder)
    try:
        for pattern in _FILES:
            for file in folder.glob(pattern):
                file.unlink()
        for name in _FOLDERS:
            (folder / name).mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {shown(folder)}: {os_reason(error)}") from error
    write_record(folder, record)


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write ``edit.json``.

    Raises:
      InputError: it cannot be written.

    """
    text = json.dumps({"format": _FORMAT} | record, indent=1) + "\n"
    write_text_atomic(folder / RECORD, text)


def read_record(folder: Path) -> dict[str, Any]:
    """Read ``edit.json``.

    Raises:
      InputError: it cannot be read, is damaged or of a newer version.

    """
    path = folder / RECORD
    try:
        record = dict(json.loads(path.read_text()))
        is_newer = record["format"] > _FORMAT
    except OSError as error:
        raise InputError(f"cannot read {shown(path)}: {os_reason(error)}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{shown(path)} is damaged: edit again") from error
    if is_newer:
        raise InputError(f"{shown(path)} was written by a newer version of pmsfc_jax: upgrade")
    return record


def write_frames(folder: Path, name: str, frames: np.ndarray, *, fps: float) -> dict[str, Any]:
    """Write frames ``[n, H, W, 3]`` uint8 as pictures and moving pictures.

    Returns:
      Their paths inside of the folder, for the record.

    Raises:
      InputError: a file cannot be written.

    """
    paths = [f"frames/{name}-{number:03d}.png" for number in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        save_png(folder / path, frame)
    moving = {}
    if len(frames) > 1:
        moving = {"gif": f"moving/{name}.gif", "apng": f"moving/{name}.apng"}
        save_gif(folder / moving["gif"], frames, fps=fps)
        save_apng(folder / moving["apng"], frames, fps=fps)
    return {"frames": paths} | moving


def chosen_frames(count: int) -> list[int]:
    """Numbers of the frames that are shown side by side: of many some, evenly chosen."""
    return evenly_chosen(count, _FRAMES)


def strip(
    picture: np.ndarray, frames: np.ndarray, strengths: Sequence[float], sources: list[np.ndarray]
) -> np.ndarray:
    """Picture, frames and sources side by side."""
    places = chosen_frames(len(frames))
    return comparison_sheet(
        [[picture, *frames[places], *sources]],
        column_titles=[
            "picture",
            *(f"{strengths[place]:.3g}" for place in places),
            *("source" for _ in sources),
        ],
        cell=_CELL,
    )


def save_sheets(
    folder: Path, rows: list[list[np.ndarray]], columns: list[str], titles: list[str]
) -> list[str]:
    """Write a row for each picture and its source, on one sheet or several.

    Returns:
      Names of the sheets.

    Raises:
      InputError: one cannot be written.

    """
    names = []
    for first in range(0, len(rows), _ROWS):
        names.append("sheet.png" if not first else f"sheet-{first // _ROWS + 1}.png")
        some = slice(first, first + _ROWS)
        sheet = comparison_sheet(
            rows[some], column_titles=columns, row_titles=titles[some], cell=_CELL
        )
        save_png(folder / names[-1], sheet)
    return names
