"""What ``pmsfc edit`` can be told; knows no jax."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from pmsfc_jax.cli.parsing import Switch, given, required
from pmsfc_jax.cli.shared_options import WeightsDir


@dataclass
class Where:
    """Which subspaces of a picture change, and where in it."""

    subspace: Annotated[tuple[int, ...], given("INT ...", "see above")] = ()
    """Numbers of subspaces, from 0; several are taken together."""
    subspaces: Annotated[Path | None, given("FILE", "those of the runs")] = None
    """Another partition of the channels: subspaces.npz, or the folder of `pmsfc discover`."""
    region: Annotated[str | None, given("FILE | X,Y,W,H | part:N", "everywhere")] = None
    """Where: a mask (white where it changes), a box in pixels of the generator's pictures, or parts
    of each picture (part:2 or part:0,3). Its border fades over two pixels of the feature."""
    parts: Annotated[Path | None, given("FILE", "beside --subspaces or in the run")] = None
    """The parts that --region counts in: parts.npz, or the folder of `pmsfc parts`."""


@dataclass
class Output:
    """What is written, and with which weights."""

    out: Path
    """Folder for pictures, moving pictures, edited drawings and edit.json."""
    fps: float = 10.0
    """Frames a second of the moving pictures, which go there and back."""
    generator: Annotated[str | None, given("NAME", "that of the runs")] = None
    """Name of converted weights, or the path of their folder."""
    weights_dir: WeightsDir = None
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": edit (with the paths of
    its frames), and at the end done or error. Text for people goes to stderr."""


_PICTURES = "PICTURE"


@dataclass
class Swap:
    """Give pictures the subspaces of other pictures.

    A PICTURE is a file of codes or the --out folder of `pmsfc invert`. The first is changed, the
    others give; of a single folder each picture is changed by each of the others. Without
    --subspace each subspace is exchanged alone. Pictures that were inverted with --method pmsfc are
    edited best.
    """

    pictures: Annotated[tyro.conf.Positional[tuple[Path, ...]], required(_PICTURES)]
    """Files of codes, or folders of runs."""
    output: Output
    where: Where = field(default_factory=Where)
    frames: int = 1
    """Pictures on the way from the picture itself; 1 for the exchanged one alone."""


@dataclass
class Mix:
    """Give pictures a share of the subspaces of other pictures.

    A PICTURE is a file of codes or the --out folder of `pmsfc invert`. The first is changed, the
    others give; of a single folder each picture is changed by each of the others. Without
    --subspace each subspace is mixed alone. Pictures that were inverted with --method pmsfc are
    edited best.
    """

    pictures: Annotated[tyro.conf.Positional[tuple[Path, ...]], required(_PICTURES)]
    """Files of codes, or folders of runs."""
    output: Output
    where: Where = field(default_factory=Where)
    strength: float = 0.5
    """Share of the other picture, 0 to 1; beyond, what differs is exaggerated."""
    frames: int = 9
    """Pictures on the way from the picture itself to that share."""


@dataclass
class Morph:
    """Let a picture become another one, and the next, by their codes.

    A PICTURE is a file of codes or the --out folder of `pmsfc invert`; all of its pictures are
    visited. With --subspace or --region only that of the first picture changes.
    """

    pictures: Annotated[tyro.conf.Positional[tuple[Path, ...]], required(_PICTURES)]
    """Files of codes, or folders of runs, of the same settings."""
    output: Output
    where: Where = field(default_factory=Where)
    frames: int = 9
    """Pictures from each to the next, both of them counted."""


@dataclass
class Move:
    """Move pictures along directions, of `pmsfc directions` or of InterFaceGAN (.npy).

    A PICTURE is a file of codes or the --out folder of `pmsfc invert`; each of its pictures is
    moved along each direction. With --subspace or --region only that of it changes.
    """

    pictures: Annotated[tyro.conf.Positional[tuple[Path, ...]], required(_PICTURES)]
    """Files of codes, or folders of runs."""
    direction: Annotated[str, required("FILE[:NAME]")]
    """A file of directions: all of them, or one by its name or number."""
    output: Output
    where: Where = field(default_factory=Where)
    condition: Annotated[tuple[str, ...], given("FILE[:NAME] ...", "none")] = ()
    """Directions that are not to change: what the direction shares with them is taken off."""
    strength: float = 3.0
    """How far, in the direction's units: standard deviations where `pmsfc directions` found it."""
    frames: int = 7
    """Pictures from minus to plus that far; 1 for plus alone."""


ACTIONS = {"swap": Swap, "mix": Mix, "morph": Morph, "move": Move}
Options = Swap | Mix | Morph | Move
