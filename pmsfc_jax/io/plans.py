"""``batches.json``: which photographs of a run are inverted in whose company.

The bits of a result depend on the shape of its batch and may depend on its place in it, so a run
that is continued keeps the batches it began with, and new photographs come in new ones.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import write_text_atomic

_FORMAT = 1


class PlannedBatch(NamedTuple):
    """Images inverted together.

    Attributes:
      images: ``(name, sha256 of the pixels)`` of each.
      size: images in the compiled step.

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


def load_plan(path: Path, present: Mapping[str, str]) -> list[PlannedBatch]:
    """Those batches of a plan all of whose images are still ``present``, ``{name: sha256}``.

    Empty where there is no plan.

    Raises:
      InputError: the file is damaged.

    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = [
            PlannedBatch(
                tuple((str(name), str(digest)) for name, digest in batch["images"]),
                int(batch["size"]),
            )
            for batch in content["batches"]
        ]
        sound = content["format"] == _FORMAT and all(
            0 < len(batch.images) <= batch.size for batch in found
        )
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path.name} is damaged or cannot be read") from error
    if not sound:
        raise InputError(f"{path.name} is damaged or of a newer version of pmsfc_jax")
    return [
        batch
        for batch in found
        if all(present.get(name) == digest for name, digest in batch.images)
    ]
