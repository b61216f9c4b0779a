"""From the options of ``pmsfc merge`` to a merge that can be done; nothing is written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.api import load_subspaces
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.invert.settings import RECORD_NAMES
from pmsfc_jax.cli.merge.options import Options
from pmsfc_jax.cli.wording import in_options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.runs import RunFolder, differences
from pmsfc_jax.io.shares import SHARES, Dealt, load_dealt


@dataclass(frozen=True)
class Job:
    """A merge.

    Attributes:
      runs: folders that are merged, each with or without shares in it.
      out: where to.
      settings: that all have in common.
      environment: of the first.
      dealt: what was dealt in each folder, where it was.
      events: what programs are told.

    """

    runs: tuple[Path, ...]
    out: Path
    settings: dict[str, Any]
    environment: dict[str, str]
    dealt: tuple[Dealt | None, ...]
    events: Events

    @property
    def sources(self) -> list[Path]:
        """Folders with images: shares, and runs that are not merged into themselves."""
        found: list[Path] = []
        for run in self.runs:
            found += [path.parent for path in sorted((run / SHARES).glob("*/config.json"))]
            if run.resolve() != self.out.resolve():
                found.append(run)
        return found


def prepare(options: Options) -> Job:
    """Check what is to be merged.

    Raises:
      InputError: it is no run, or runs do not fit each other.

    """
    runs = options.runs
    if not runs:
        raise InputError("no run is given: name the --out folder of `pmsfc invert --share`")
    if options.out is None and len(runs) > 1:
        raise InputError("give --out: the folder into which these runs are merged")
    first = RunFolder(runs[0]).settings()
    environment = first.pop("environment", {})
    for run in runs[1:]:
        other = RunFolder(run).settings()
        other.pop("environment", None)
        if other != first:
            differing = in_options(", ".join(differences(first, other)), RECORD_NAMES)
            raise InputError(
                f"{shown(runs[0])} and {shown(run)} are runs of different settings ({differing}): "
                "merge runs of the same command"
            )
    return _job(runs, options.out or runs[0], first, environment, Events(options.json))


def merge_job(run: Path, events: Events) -> Job:
    """The merge of a run's own shares.

    Raises:
      InputError: as `prepare`.

    """
    settings = RunFolder(run).settings()
    environment = settings.pop("environment", {})
    return _job((run,), run, settings, environment, events)


def _job(
    runs: tuple[Path, ...],
    out: Path,
    first: dict[str, Any],
    environment: dict[str, str],
    events: Events,
) -> Job:
    settings = {name: value for name, value in first.items() if name != "format"}
    RunFolder.check(out, settings)
    job = Job(runs, out, settings, environment, tuple(map(load_dealt, runs)), events)
    _check_partitions([*job.sources, *runs])
    return job


def _check_partitions(folders: list[Path]) -> None:
    """All were composed in the same subspaces."""
    found = [(f, load_subspaces(f)) for f in folders if (f / "subspaces.npz").exists()]
    for folder, subspaces in found[1:]:
        if not np.array_equal(subspaces.labels, found[0][1].labels):
            raise InputError(
                f"{shown(found[0][0])} and {shown(folder)} were composed in different subspaces: "
                "give all shares the same --subspaces"
            )
