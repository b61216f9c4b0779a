"""To which subspaces directions are limited, and what is told of them."""

from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.api import SplitGenerator, save_directions
from pmsfc_jax.cli.console import notice, table
from pmsfc_jax.cli.directions.options import Limit
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.partition import partition_at
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import shown
from pmsfc_jax.tasks.edit.directions import Directions
from pmsfc_jax.tasks.edit.features import gate


def limit_of(
    limit: Limit, of: str, generator: SplitGenerator, layer: int, own: np.ndarray | None = None
) -> tuple[tuple[int, ...] | None, np.ndarray | None]:
    """Numbers of the subspaces and the partition ``[R, C]``, or ``None`` for all channels.

    Args:
      limit: as given.
      of: ``features`` or ``codes``.
      generator: whose channels they are.
      layer: the cut.
      own: the partition of a run.

    Raises:
      InputError: codes are to be limited; there is no such subspace, or no partition of this layer.

    """
    if not limit.subspace:
        return None, None
    if of == "codes":
        raise InputError(
            "codes have no subspaces: find directions of features, or limit the move with "
            "`pmsfc edit move --subspace`"
        )
    masks = own
    if limit.subspaces is not None:
        masks = partition_at(limit.subspaces, generator, layer, f", not of layer {layer}")
    if masks is None:
        raise InputError("say with --subspaces which partition --subspace counts in")
    gate(limit.subspace, masks)
    return limit.subspace, masks


def check_file(path: Path) -> None:
    """Check that directions can be written to ``path``.

    Raises:
      InputError: its name does not end in ``.npz``, or it is a folder.

    """
    if path.suffix != ".npz" or path.is_dir():
        raise InputError(
            f"{shown(path)} would hold directions: give --out a file that ends in .npz"
        )


def tell(directions: Directions, events: Events) -> None:
    """A line for each direction, on stdout or as events."""
    header, rows = ["number", "name"], []
    about = directions.about
    if "shares" in about:
        header.append("share")
    if "held_out_accuracy" in about:
        header += ["held-out accuracy", "with", "without"]
    for number, name in enumerate(directions.names):
        facts = _facts(directions, number)
        cells = [str(number), name]
        if "shares" in about:
            cells.append("" if facts["share"] is None else f"{facts['share']:.4f}")
        if "held_out_accuracy" in about:
            accuracy = facts["held_out_accuracy"]
            cells += ["" if accuracy is None else f"{accuracy:.3f}"]
            cells += [str(count) for count in facts["with_and_without"]]
        rows.append(cells)
        events.tell("direction", number=number, name=name, **facts)
    text = f"{directions!r}\n{table(header, rows, left=2)}"
    (notice if events.wanted else print)(text)


def finish(directions: Directions, out: Path, events: Events) -> int:
    """Save what was found and tell it; returns the exit code.

    Raises:
      InputError: it cannot be written.

    """
    save_directions(out, directions)
    tell(directions, events)
    notice(f"written to {shown(out)}, for pmsfc edit move --direction")
    events.tell("done", directions=len(directions), file=str(out), exit_code=0)
    return 0


def _facts(directions: Directions, number: int) -> dict[str, Any]:
    """What is known of one direction; of one that was chosen among others by its name only."""
    about, name = directions.about, directions.names[number]
    facts: dict[str, Any] = {}
    if "shares" in about:
        # Directions that were found without labels are called by their numbers.
        place = int(name) if name.isdecimal() else len(about["shares"])
        facts["share"] = about["shares"][place] if place < len(about["shares"]) else None
    if "held_out_accuracy" in about:
        accuracy = about["held_out_accuracy"][name]
        facts["held_out_accuracy"] = None if accuracy != accuracy else accuracy
        facts["with_and_without"] = about["with_and_without"][name]
    return facts
