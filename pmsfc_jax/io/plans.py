"""``batches.json``: which photographs of a run are inverted in whose company.

The bits of a result depend on the shape of its batch and may depend on its place in it, so a run
that is continued keeps the batches it began with, and new photographs come in new ones. A batch
that was too large for the device's memory stands there as the smaller ones it was split into.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import write_text_atomic

#: Format 1 knew photographs by their decoded pixels.
_FORMAT = 2


class PlannedBatch(NamedTuple):
    """Images inverted together.

    Attributes:
      images: ``(name, sha256 of the photograph's file)`` of each, in the order in which they come.
      size: images in the compiled step; of a queue there are more images than that.

    """

    images: tuple[tuple[str, str], ...]
    size: int


def save_plan(path: Path, batches: Sequence[PlannedBatch]) -> None:
    """Write a plan, whole or not at all.

    Raises:
      InputError: the file cannot be written.

    """
    content = {"format": _FORMAT, "batches": [batch._asdict() for batch in batches]}
    write_text_atomic(path, json.dumps(content, indent=1) + "\n")


def load_plan(path: Path) -> list[PlannedBatch]:
    """Read a plan; empty where there is none.

    Raises:
      InputError: the file is damaged, or of another version.

    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        written = int(content["format"])
        if written != _FORMAT:
            version = "an earlier" if written < _FORMAT else "a newer"
            raise InputError(f"{path.name} is of {version} version of pmsfc_jax")
        found = [
            PlannedBatch(
                tuple((str(name), str(digest)) for name, digest in batch["images"]),
                int(batch["size"]),
            )
            for batch in content["batches"]
        ]
    except FileNotFoundError:
        return []
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path.name} is damaged or cannot be read") from error
    if not all(batch.images and batch.size > 0 for batch in found):
        raise InputError(f"{path.name} is damaged: it has batches of no possible size")
    return found


def present_batches(plan: Sequence[PlannedBatch], present: Mapping[str, str]) -> list[PlannedBatch]:
    """Those batches all of whose images are still ``present``, ``{name: sha256 of the file}``."""
    return [
        batch for batch in plan if all(present.get(name) == digest for name, digest in batch.images)
    ]


def with_batches(plan: Sequence[PlannedBatch], new: Sequence[PlannedBatch]) -> list[PlannedBatch]:
    """The plan with ``new`` batches in place of those that share an image with them.

    Batches of other images stay, so that a command with a part of the photographs forgets nothing
    of the others. New photographs come at the end; the parts of a batch that was split, where it
    was.
    """
    names = {name for batch in new for name, _ in batch.images}
    stays = [all(name not in names for name, _ in batch.images) for batch in plan]
    place = stays.index(False) if False in stays else len(plan)
    return [
        *plan[:place],
        *new,
        *(batch for batch, kept in zip(plan[place:], stays[place:], strict=True) if kept),
    ]
