"""What ``pmsfc directions`` can be told; knows no jax."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from pmsfc_jax.cli.parsing import Switch, given, required
from pmsfc_jax.cli.shared_options import GeneratorSet, WeightsDir


@dataclass
class Limit:
    """Subspaces to which directions of features are limited."""

    subspaces: Annotated[Path | None, given("FILE", "those of the run, if any")] = None
    """The partition: subspaces.npz, or the folder of `pmsfc discover`."""
    subspace: Annotated[tuple[int, ...], given("INT ...", "all channels")] = ()
    """Numbers of subspaces, from 0; several are taken together."""


@dataclass
class Find:
    """Find directions without labels: principal components, or SeFa's closed form.

    A strength of 1 is one standard deviation of what is moved, over random codes.
    """

    name: Annotated[tyro.conf.Positional[str], required("NAME")]
    """Name of converted weights, or the path of their folder."""
    out: Path
    """File for the directions, .npz, which `pmsfc edit move --direction` takes."""
    layer: Annotated[int | None, given("INT", "that of --subspaces, else the first at 16x16")] = (
        None
    )
    """The cut, of features; pmsfc info lists the layers."""
    of: Literal["features", "codes"] = "features"
    """Directions of the feature at the cut, or of latent codes."""
    method: Literal["components", "sefa"] = "components"
    """Principal components over random codes, or what the weights stretch most that read the
    feature or the code."""
    limit: Limit = field(default_factory=Limit)
    num: int = 8
    """How many directions."""
    num_samples: int = 512
    """Random codes that are looked at."""
    generator_set: GeneratorSet = ()
    seed: int = 0
    """Of the random codes."""
    weights_dir: WeightsDir = None
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": direction, and at the
    end done or error. Text for people goes to stderr."""


@dataclass
class Train:
    """Find directions by labels of inverted photographs: linear boundaries.

    A strength of 1 is one standard deviation of the pictures across the boundary. What is told of
    each is its balanced accuracy on pictures that it was not trained on.
    """

    run: tyro.conf.Positional[Path]
    """The --out folder of `pmsfc invert`."""
    labels: tyro.conf.Positional[Path]
    """A .csv file with a header: names of pictures in its first column, then a column an attribute,
    of 1 and 0 (or -1); empty where it is not known."""
    out: Path
    """File for the directions, .npz, which `pmsfc edit move --direction` takes."""
    attribute: Annotated[tuple[str, ...], given("NAME ...", "all columns")] = ()
    """Columns of the labels that are wanted."""
    of: Literal["features", "codes"] = "features"
    """Directions of the composed feature at the cut, or of latent codes (a picture's mean code)."""
    limit: Limit = field(default_factory=Limit)
    generator: Annotated[str | None, given("NAME", "that of the run")] = None
    """Name of converted weights, or the path of their folder."""
    weights_dir: WeightsDir = None
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": direction, and at the
    end done or error. Text for people goes to stderr."""


@dataclass
class Show:
    """Show what is in a file of directions, and with --out what they do to random pictures."""

    file: Annotated[tyro.conf.Positional[str], required("FILE[:NAME]")]
    """A file of directions: all of them, or one by its name or number."""
    out: Annotated[Path | None, given("FILE", "no pictures")] = None
    """Picture to write, .png: a row for each direction and random picture."""
    strength: float = 3.0
    """How far, in the directions' units."""
    frames: int = 7
    """Pictures from minus to plus that far."""
    num: int = 2
    """Random pictures."""
    seed: int = 0
    """Of the random pictures."""
    generator: Annotated[str | None, given("NAME", "that of the directions")] = None
    """Name of converted weights, or the path of their folder."""
    generator_set: GeneratorSet = ()
    weights_dir: WeightsDir = None
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": direction, and at the
    end done or error. Text for people goes to stderr."""


ACTIONS = {"find": Find, "train": Train, "show": Show}
Options = Find | Train | Show
