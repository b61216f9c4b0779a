"""Several runs' folders into one: files, metrics and plan. What is there already is not lost.

Every step can be repeated: a merge that was killed is done again, and gives what it would have.
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import write_bytes_atomic
from pmsfc_jax.io.metrics_table import MetricsTable, Row
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.io.plans import PlannedBatch, load_plan, save_plan, with_batches
from pmsfc_jax.io.processes import mark
from pmsfc_jax.io.runs import RunFolder

#: Files of an image, in the order in which they are written: codes mark it as finished.
_FILES = (("targets", ".png"), ("images", ".png"), ("codes", ".npz"))


class Found(NamedTuple):
    """What there is in some runs' folders.

    Attributes:
      rows: metrics of each finished image.
      where: the folder of each.
      batches: of all of them.
      twice: how many images were finished in more than one folder.

    """

    rows: dict[str, Row]
    where: dict[str, RunFolder]
    batches: list[PlannedBatch]
    twice: int


def find_finished(sources: Sequence[Path]) -> Found:
    """The finished images of runs; of one that is in several, the first.

    Raises:
      InputError: two photographs have one name, or a file cannot be read.

    """
    rows: dict[str, Row] = {}
    where: dict[str, RunFolder] = {}
    batches: list[PlannedBatch] = []
    twice = 0
    for path in sources:
        run = RunFolder(path)
        for name, row in run.metrics().rows.items():
            if not all(file.exists() for file in _files(path, name)):
                continue
            if name not in rows:
                rows[name], where[name] = row, run
            elif rows[name].get("source_sha256") == row.get("source_sha256"):
                twice += 1
            else:
                raise InputError(
                    f"{shown(where[name].path)} and {shown(path)} hold different photographs "
                    f"under the name {name}: rename one, and invert it again"
                )
        batches += load_plan(run.plan_path)
    return Found(rows, where, batches, twice)


def merge(found: Found, into: RunFolder, order: Sequence[str], *, link: bool) -> MetricsTable:
    """Bring images, metrics and plan into one run's folder, which is held.

    Args:
      found: of `find_finished`.
      into: the folder; images in it that ``found`` has, too, are replaced.
      order: names of photographs in the order that metrics are to have.
      link: let files be in both places at once where the disk can do that, which costs nothing: for
        folders that are going to be removed.

    Returns:
      The metrics of all images.

    Raises:
      InputError: a file cannot be written.

    """
    for name, run in found.where.items():
        pairs = zip(_files(run.path, name), _files(into.path, name), strict=True)
        for source, target in pairs:
            _bring(source, target, link=link)
    place = {name: i for i, name in enumerate(order)}
    new = sorted(found.batches, key=lambda batch: place.get(batch.images[0][0], len(place)))
    save_plan(into.plan_path, with_batches(load_plan(into.plan_path), new))
    table = into.metrics()
    table.rows |= found.rows
    table.save(order)
    return table


def _files(run: Path, name: str) -> Iterator[Path]:
    return (run / folder / f"{name}{suffix}" for folder, suffix in _FILES)


def _bring(source: Path, target: Path, *, link: bool) -> None:
    try:
        if target.exists() and os.path.samefile(source, target):
            return
        if link:
            with suppress(OSError):  # not every disk has links
                _link(source, target)
                return
        data = source.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {shown(source)}: {os_reason(error)}") from error
    write_bytes_atomic(target, data)


def _link(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name[:40]}.{mark()}.{secrets.token_hex(6)}.tmp")
    os.link(source, temporary)
    try:
        os.replace(temporary, target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
