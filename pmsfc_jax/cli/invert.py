"""``pmsfc invert``: photographs in; codes, redrawn images, metrics and a sheet out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from pmsfc_jax.cli._options import parse

#: The generator that is shipped with the package.
DEFAULT_GENERATOR = "pggan_tops32"


@dataclass
class Options:
    """Find codes from which a generator redraws photographs, a whole folder at once."""

    photos: tyro.conf.Positional[tuple[Path, ...]]
    """Photographs, or folders of them, of any size and kind."""
    out: Path
    """Folder for the results. The same command again continues where it was stopped."""
    generator: str = DEFAULT_GENERATOR
    """Name of converted weights, or the path of their folder."""
    method: Literal["pmsfc", "pmsfc_linear", "mganprior", "single"] = "pmsfc"
    """How features of several codes are composed."""
    layer: int | None = None
    """The cut; by default that of --subspaces, else the first layer at 16x16."""
    num_subspaces: int = 4
    """R, for methods that compose within subspaces, without --subspaces."""
    subspaces: Path | None = None
    """Folder or file of `pmsfc discover`."""
    partition: Literal["discovered", "random"] = "discovered"
    """random deals the channels of the subspaces at random, as a control."""
    codes: int | None = None
    """Codes in each subspace; for mganprior, in all. By default 4 a subspace, or 16, or 1."""
    steps: int = 300
    """Optimiser steps."""
    optimiser: Literal["adam", "sgd"] = "adam"
    """sgd is plain gradient descent, as in the published mGANprior."""
    learning_rate: float = 0.05
    """At the start; Adam's falls to a tenth."""
    perceptual: str | None = None
    """Converted judging network to use as V; by default the one shipped with the generator."""
    perceptual_weight: float | None = None
    """Weight of V; by default as measured for a shipped one, 0 without."""
    precision: Literal["default", "high", "highest"] = "default"
    """Of matrix products on accelerators."""
    batch_size: int = 8
    """Photographs in one compiled step."""
    seed: int = 0
    """Of the starting codes and of the discovery."""
    weights_dir: Path | None = None
    """Where to look first for weights."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Start anew in a folder that holds a run of other settings."""


def main(argv: Sequence[str]) -> int:
    """Invert and report; 1 where a photograph was left out or failed, else 0."""
    options = parse(Options, "invert", argv)
    from pmsfc_jax.cli._invert_run import invert_run

    return invert_run(options)
