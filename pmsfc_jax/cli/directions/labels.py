"""Labels of pictures, from a ``.csv`` file."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import os_reason, shown

_WORDS = {
    "1": 1.0, "true": 1.0, "yes": 1.0,
    "0": 0.0, "-1": 0.0, "false": 0.0, "no": 0.0,
    "": np.nan,
}  # fmt: skip


def read_labels(
    path: Path, pictures: Sequence[str], attributes: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Labels of ``pictures``: ``[n]`` of 1, 0 and NaN for unknown, by attribute.

    Args:
      path: a file with a header; the first column names pictures, with or without a suffix.
      pictures: their names.
      attributes: the columns that are wanted; all by default.

    Raises:
      InputError: the file cannot be read, lacks a column, names none of the pictures, or holds
        something else than labels.

    """
    header, rows = _read(path)
    wanted = list(attributes) or header[1:]
    for name in wanted:
        if name not in header[1:]:
            raise InputError(
                f"{shown(path)} has no column {name!r}: it has {', '.join(header[1:]) or 'none'}"
            )
    places = {name: place for place, name in enumerate(pictures)}
    labels = {name: np.full(len(pictures), np.nan) for name in wanted}
    known = 0
    for line, row in enumerate(rows, 2):
        place = places.get(row[0], places.get(Path(row[0]).stem))
        if place is None:
            continue
        known += 1
        for name in wanted:
            word = row[header.index(name)].strip().lower()
            if word not in _WORDS:
                raise InputError(
                    f"{shown(path)}, line {line}, {name}: {word!r} is no label, write 1, 0, or "
                    "nothing where it is not known"
                )
            labels[name][place] = _WORDS[word]
    if not known:
        raise InputError(
            f"{shown(path)} names none of the pictures: its first column has to hold names such as "
            f"{pictures[0]}"
        )
    return labels


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except OSError as error:
        raise InputError(f"cannot read labels from {shown(path)}: {os_reason(error)}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{shown(path)} is no .csv file of text") from error
    if not rows or len(rows[0]) < 2:
        raise InputError(
            f"{shown(path)} needs a header: names of pictures, then a column an attribute"
        )
    header = [name.strip() for name in rows[0]]
    for line, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            raise InputError(
                f"{shown(path)}, line {line}: it has {len(row)} columns and the header "
                f"{len(header)}"
            )
    return header, rows[1:]
