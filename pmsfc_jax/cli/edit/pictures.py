"""The pictures that ``pmsfc edit`` is given: files of codes, and folders of runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pmsfc_jax.api import Drawing, load_codes
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import shown, unique_stems
from pmsfc_jax.io.runs import RunFolder


class Picture(NamedTuple):
    """One picture.

    Attributes:
      name: what outputs call it; unique among all that are given.
      path: its file of codes.
      drawing: of this picture alone.

    """

    name: str
    path: Path
    drawing: Drawing


def read_pictures(paths: Sequence[Path]) -> list[list[Picture]]:
    """The pictures that each path stands for.

    Raises:
      InputError: a path is neither a file of codes nor a run.

    """
    if not paths:
        raise InputError("no pictures are given: name files of codes, or folders of runs")
    files = [_files(path) for path in paths]
    rows = [
        [(file, drawing[row]) for file in group for drawing in [load_codes(file)]
         for row in range(len(drawing))]
        for group in files
    ]  # fmt: skip
    names = iter(unique_stems([file for group in rows for file, _ in group]))
    return [[Picture(next(names), file, drawing) for file, drawing in group] for group in rows]


def generator_of(paths: Sequence[Path], pictures: Sequence[Picture]) -> str:
    """Name or folder of the weights that the first picture was found with.

    Raises:
      InputError: its file does not say.

    """
    first = pictures[0]
    for folder in (paths[0], first.path.parent.parent):
        if (folder / "config.json").is_file():
            return str(RunFolder(folder).settings().get("generator"))
    if not first.drawing.generator:
        raise InputError(f"{shown(first.path)} does not say whose codes it holds: give --generator")
    return first.drawing.generator


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    run = RunFolder(path)
    return [run.codes_path(name) for name in run.names()]
