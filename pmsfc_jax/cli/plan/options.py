"""What ``pmsfc plan`` can be told; knows no jax."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from pmsfc_jax.cli.invert.options import Method, Objective, Solver
from pmsfc_jax.cli.parsing import Switch, given, required
from pmsfc_jax.cli.shared_options import DEFAULT_GENERATOR, WeightsDir


@dataclass
class What:
    """Which photographs, drawn by which generator, on what."""

    photos: Annotated[tyro.conf.Positional[tuple[Path, ...]], required("PHOTO")]
    """Photographs, or folders of them; they are counted and not looked at."""
    generator: str = DEFAULT_GENERATOR
    """Name of converted weights, or the path of their folder; pmsfc info lists them."""
    device: str = "v5e"
    """v4, v5e, v5p, v6e, a100 or h100, and how many: v5e:4."""
    batch_size: Annotated[int | None, given("INT", "the largest that fits")] = None
    """Photographs in one compiled step, on all devices together."""
    quick: Switch = False
    """Memory by the model alone, where libtpu is installed, too: its compiler takes minutes."""
    recursive: Switch = False
    """Look into the subfolders of folders, too."""
    weights_dir: WeightsDir = None
    json: Switch = False
    """For programs: one JSON object a line on stdout, with an "event": plan, or error. Text for
    people goes to stderr."""


@dataclass
class Options:
    """Estimate how long `pmsfc invert` takes on accelerators: batch size, steps a second, hours.

    Where libtpu is installed (pip install libtpu; no TPU is needed), the TPU's own compiler says
    how much memory the loop takes, else a model fitted to it. Time is by roofline: products over
    the peak or bytes over the bandwidth, whichever takes longer. Nothing is run.

    Exit codes: 0; 2 a mistake in the command or its files, in one line.
    """

    what: What
    method: Method = field(default_factory=Method)
    objective: Objective = field(default_factory=Objective)
    solver: Solver = field(default_factory=Solver)
