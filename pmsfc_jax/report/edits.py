"""The pages of ``pmsfc edit``: what each subspace gives, frames under a slider, how much changes.

They are drawn from ``edit.json`` and the pictures that it names, a page at a time.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.wording import counted
from pmsfc_jax.io.images import read_png
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.report import html
from pmsfc_jax.report.embed import bytes_each
from pmsfc_jax.report.paged import save_pages
from pmsfc_jax.report.pictures import compare, evenly_chosen, frames, gallery, matrix

#: Edits of one page, frames of one edit, and columns of a matrix, at most.
_EDITS, _FRAMES, _COLUMNS = 96, 16, 9
_SIDE = 256

Edit = Mapping[str, Any]
_NAMES = {"swap": "Exchanges", "mix": "Mixtures", "morph": "Morphs", "move": "Moves"}


def save_edit_pages(folder: Path, record: Mapping[str, Any]) -> list[Path]:
    """Write ``report.html``, ``report-2.html``, ... of a folder of edits.

    Args:
      folder: with the pictures and frames that the record names.
      record: what is in ``edit.json``.

    Returns:
      The pages.

    Raises:
      InputError: a picture cannot be read, or a page cannot be written.
    """
    rows = _rows(record["edits"])
    across = max((len(edits) for edits in rows.values()), default=1)
    settings = {
        name: record[name]
        for name in ("generator", "weights_sha256", "layer", "subspaces", "region", "pmsfc_jax")
    }
    return save_pages(
        folder,
        f"{_NAMES[record['action']]} on {record['generator']}",
        list(rows),
        lambda titles: _parts(folder, record, {title: rows[title] for title in titles}),
        per_page=max(1, _EDITS // across),
        first=[html.paragraph(_summary(record))],
        last=html.how_made(record["command"], settings),
    )


def _rows(edits: Sequence[Edit]) -> dict[str, list[Edit]]:
    """The edits by their row: of one picture and its sources, or along one direction."""
    rows: dict[str, list[Edit]] = {}
    for edit in edits:
        rows.setdefault(_title(edit), []).append(edit)
    return rows


def _title(edit: Edit) -> str:
    if edit["direction"] is not None:
        return f"{edit['picture']} along {edit['direction']}"
    return f"{edit['picture']} from {' and '.join(edit['sources'])}"


def _summary(record: Mapping[str, Any]) -> str:
    edits, sizes = record["edits"], record["subspaces"]
    many, whose = counted(len(edits), "edit"), counted(len(record["pictures"]), "picture")
    where = f" within {record['region']}" if record["region"] else ""
    words = {
        "swap": "A subspace of a picture is given the features of another picture.",
        "mix": "A subspace of a picture is mixed with that of another picture.",
        "morph": "A picture becomes the next one by its codes.",
        "move": "A picture is moved along a direction.",
    }[record["action"]]
    return (
        f"{words} {many} of {whose}{where}, at layer {record['layer']}; the {len(sizes)} subspaces "
        f"have {', '.join(map(str, sizes))} channels."
    )


def _parts(folder: Path, record: Mapping[str, Any], rows: Mapping[str, list[Edit]]) -> list[str]:
    edits = [edit for row in rows.values() for edit in row]
    originals = {picture["name"]: picture["image"] for picture in record["pictures"]}
    most = _bytes_each(edits, record["action"])
    parts = []
    if record["action"] in ("swap", "mix"):
        parts += _subspaces_matrix(folder, rows, originals, most)
    elif record["action"] == "move":
        parts += _moves_matrix(folder, rows, most)
    moving = any(len(edit["frames"]) > 1 for edit in edits)
    parts += [html.section("Frame by frame" if moving else "Before and after")]
    action = record["action"]
    parts += [gallery([_one(folder, action, edit, originals, most) for edit in edits])]
    return [*parts, html.section("How much changes"), _changes(edits)]


def _bytes_each(edits: Sequence[Edit], action: str) -> int:
    """Bytes of one picture of a page of these edits."""
    columns = 0 if action == "morph" else _COLUMNS if action == "move" else 3
    count = sum(min(max(len(edit["frames"]), 2), _FRAMES) + columns for edit in edits)
    return bytes_each(count)


def _subspaces_matrix(
    folder: Path, rows: Mapping[str, list[Edit]], originals: Mapping[str, str], most: int
) -> list[str]:
    """Source x subspace: the last frame of each edit between the picture and its source."""
    columns = [_subspaces(edit) for edit in next(iter(rows.values()))]
    pictures = [
        [
            _read(folder, originals[row[0]["picture"]]),
            *(_read(folder, edit["frames"][-1]) for edit in row),
            _read(folder, originals[row[0]["sources"][0]]),
        ]
        for row in rows.values()
    ]
    caption = "Each column gives one subspace of the source, right, to the picture, left."
    drawn = matrix(
        list(rows), ["picture", *columns, "source"], pictures, caption=caption, most=most
    )
    return [html.section("What each subspace gives"), drawn]


def _moves_matrix(folder: Path, rows: Mapping[str, list[Edit]], most: int) -> list[str]:
    strengths = next(iter(rows.values()))[0]["strengths"]
    places = evenly_chosen(len(strengths), _COLUMNS)
    pictures = [
        [_read(folder, edit["frames"][place]) for place in places]
        for row in rows.values()
        for edit in row[:1]
    ]
    columns = [f"{strengths[place]:.3g}" for place in places]
    caption = "Each column is a step along the direction of its row, in the direction's units."
    drawn = matrix(list(rows), columns, pictures, caption=caption, most=most)
    return [html.section("What each direction does"), drawn]


def _one(folder: Path, action: str, edit: Edit, originals: Mapping[str, str], most: int) -> str:
    """One edit: its frames under a slider, or the picture beside its only frame."""
    caption = f"{_title(edit)}, {_subspaces(edit)}" if edit["subspaces"] else _title(edit)
    if len(edit["frames"]) == 1:
        before, after = (
            _read(folder, path) for path in (originals[edit["picture"]], edit["frames"][0])
        )
        return compare(before, after, caption=caption, side=_SIDE, most=most)
    places = evenly_chosen(len(edit["frames"]), _FRAMES)
    strengths = [edit["strengths"][place] for place in places]
    way = f" of {strengths[-1]:.3g}" if action == "morph" else ""
    # First is seen what subspaces give; moves and morphs are seen where the picture itself is.
    itself = int(np.argmin(np.abs(strengths)))
    start = len(places) - 1 if action in ("swap", "mix") else itself
    return frames(
        [_read(folder, edit["frames"][place]) for place in places],
        [f"{'at' if way else 'strength'} {strength:.3g}{way}" for strength in strengths],
        caption=caption,
        start=start,
        side=_SIDE,
        most=most,
    )


def _subspaces(edit: Edit) -> str:
    numbers = edit["subspaces"]
    return f"subspace{'s' if len(numbers) > 1 else ''} {' and '.join(map(str, numbers))}"


def _changes(edits: Sequence[Edit]) -> str:
    """How far the last frame of each edit is from the picture."""
    lines = [
        [
            edit["picture"],
            ", ".join(edit["sources"]) or edit["direction"] or "",
            ", ".join(map(str, edit["subspaces"])) or "all",
            f"{edit['strengths'][-1]:.3g}",
            f"{edit['change_levels'][-1]:.2f}",
        ]
        for edit in edits
    ]
    header = ["picture", "from, or along", "subspaces", "strength", "mean change, levels of 255"]
    return html.table(header, lines, left=(0, 1, 2))


def _read(folder: Path, path: str) -> np.ndarray:
    try:
        return read_png(folder / path)
    except OSError as error:
        raise InputError(f"cannot read {shown(folder / path)}: {os_reason(error)}") from error
