"""What ``pmsfc merge`` can be told; knows no jax."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pmsfc_jax.cli.parsing import Switch, given, required


@dataclass
class Options:
    """Merge the shares of `pmsfc invert --share` into one run: files, metrics, plan, sheets.

    The last share that is done merges by itself where all write to one folder. This command does it
    where each machine has its own folder, or before all are done: it can be given again.

    Exit codes: 0 all is there; 1 shares are not done, and are named, or photographs were left out
    or failed; 2 a mistake in the command or its files, in one line.
    """

    runs: Annotated[tyro.conf.Positional[tuple[Path, ...]], required("RUN")]
    """The --out folder of a run that was shared, or such folders of several machines."""
    out: Annotated[Path | None, given("FOLDER", "RUN itself, where there is one")] = None
    """Folder for the merged run."""
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": share (one that is not
    done), and at the end merged or error. Text for people goes to stderr."""
