"""The work behind ``pmsfc edit``."""

from typing import Any

import numpy as np

from pmsfc_jax.api import Drawing, render, save_codes, save_edited, to_uint8
from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.edit.items import Item, count_items, items
from pmsfc_jax.cli.edit.prepare import Job
from pmsfc_jax.cli.edit.report import (
    RECORD,
    begin_folder,
    chosen_frames,
    save_sheets,
    strip,
    write_frames,
    write_record,
)
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.generators import RECORDED
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.io.images import save_png
from pmsfc_jax.io.paths import shown
from pmsfc_jax.report.edits import save_edit_pages
from pmsfc_jax.version import __version__


def work(job: Job) -> int:
    """Edit, draw and write; returns the exit code."""
    folder, events = job.options.output.out, Events(job.options.output.json)
    record = _facts(job)
    begin_folder(folder, record | {"edits": [], "finished": False})
    originals: dict[str, np.ndarray] = {}
    total, done = count_items(job), 0
    drawn: dict[str, np.ndarray] = {}
    with progress_bar("edit") as update:
        for picture in job.pictures:
            original = to_uint8(render(job.generator, job.params, picture.drawing))[0]
            originals[picture.name] = original
            save_png(folder / f"pictures/{picture.name}.png", original)
        edits = []
        for item in items(job):
            update(done, total, item.name)
            frames = to_uint8(render(job.generator, job.params, item.result))
            edits.append(_write(job, item, frames, originals))
            events.tell("edit", **_with_folder(str(folder), edits[-1]))
            drawn[item.name] = frames if job.directions else frames[-1:]
            done += 1
        update(done, total)
    sheets = _sheets(job, edits, originals, drawn)
    whole = record | {"edits": edits, "sheets": sheets, "finished": True}
    save_edit_pages(folder, whole)
    write_record(folder, whole)
    notice(f"{counted(done, 'edit')} in {shown(folder)}: report.html, frames, strips, {RECORD}")
    events.tell("done", edits=done, exit_code=0)
    return 0


def _facts(job: Job) -> dict[str, Any]:
    spec = job.generator.spec
    return {
        "command": job.command,
        "action": job.action,
        "generator": spec.name,
        "weights_sha256": spec.identity,
        RECORDED: job.settings,
        "layer": job.pictures[0].drawing.layer,
        "subspaces": job.masks.sum(axis=1).astype(int).tolist(),
        "region": job.options.where.region,
        "pictures": [
            {"name": one.name, "codes": str(one.path), "image": f"pictures/{one.name}.png"}
            for one in job.pictures
        ],
        "pmsfc_jax": __version__,
    }


def _write(
    job: Job, item: Item, frames: np.ndarray, originals: dict[str, np.ndarray]
) -> dict[str, Any]:
    """All files of one edit; gives its entry in the record."""
    folder = job.options.output.out
    written = write_frames(folder, item.name, frames, fps=job.options.output.fps)
    picture, sources = originals[item.picture], [originals[name] for name in item.sources]
    paths = {"strip": f"strips/{item.name}.png", "saved": f"edits/{item.name}.npz"}
    save_png(folder / paths["strip"], strip(picture, frames, item.strengths, sources))
    if isinstance(item.result, Drawing):
        save_codes(folder / paths["saved"], item.result)
        holds = "codes"
    else:
        save_edited(folder / paths["saved"], item.result)
        holds = "features"
    change = np.abs(frames.astype(np.float64) - picture).mean(axis=(1, 2, 3))
    return {
        "name": item.name,
        "picture": item.picture,
        "sources": item.sources,
        "subspaces": list(item.subspaces),
        "direction": item.direction,
        "strengths": item.strengths,
        "change_levels": np.round(change, 3).tolist(),
        "holds": holds,
        **written,
        **paths,
    }


def _sheets(
    job: Job,
    edits: list[dict[str, Any]],
    originals: dict[str, np.ndarray],
    drawn: dict[str, np.ndarray],
) -> list[str]:
    """The matrix of pairs and subspaces, or of moves and their frames."""
    folder = job.options.output.out
    if job.directions is not None:
        places = chosen_frames(len(job.strengths))
        rows = [list(drawn[edit["name"]][places]) for edit in edits]
        titles = [f"{edit['picture']} along {edit['direction']}" for edit in edits]
        columns = [f"{job.strengths[place]:.3g}" for place in places]
        return save_sheets(folder, rows, columns, titles)
    if not job.pairs:
        return []
    across = len(job.chosen)
    rows, titles = [], []
    for pair, first in zip(job.pairs, range(0, len(edits), across), strict=True):
        own = [drawn[edit["name"]][-1] for edit in edits[first : first + across]]
        rows.append([originals[pair.picture.name], *own, originals[pair.source.name]])
        titles.append(f"{pair.picture.name} from {pair.source.name}")
    columns = [
        f"subspace {subspaces[0]}" if len(subspaces) == 1 else " and ".join(map(str, subspaces))
        for subspaces in job.chosen
    ]
    return save_sheets(folder, rows, ["picture", *columns, "source"], titles)


def _with_folder(folder: str, edit: dict[str, Any]) -> dict[str, Any]:
    """An entry of the record with paths from here."""
    paths = {k: f"{folder}/{edit[k]}" for k in ("strip", "saved", "gif", "apng") if k in edit}
    return edit | paths | {"frames": [f"{folder}/{path}" for path in edit["frames"]]}
