"""What ``pmsfc evaluate`` can be told; knows no jax."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pmsfc_jax.cli.parsing import Switch, given
from pmsfc_jax.cli.shared_options import DEFAULT_GENERATOR, GeneratorSet, WeightsDir


@dataclass
class Options:
    """Compare methods on a folder of photographs. The same command again goes on where it was.

    Exit codes: 0 all photographs were compared; 1 some could not be used and were left out;
    2 a mistake in the command or its files; 130 stopped by Ctrl-C or SIGTERM, and the methods that
    were finished are kept.
    """

    photos: tyro.conf.Positional[Path]
    """Folder of photographs, or with --subset the folder that holds the subset's folders."""
    out: Path
    """Folder for report.html, table.csv, .json and .md, sheet.png and the finished methods."""
    generator: str = DEFAULT_GENERATOR
    """Name of converted weights, or the path of their folder."""
    generator_set: GeneratorSet = ()
    task: tuple[str, ...] = ("invert",)
    """What is compared: invert, how well methods redraw the photographs; or columns of a table of
    restorations: colour super2 super4 super8 hole missing90 strokes noise15 noise25 noise50 blur
    jpeg10 jpeg30 super2_noise15; or edit, which inversions can be edited: photographs exchange
    subspaces with each other (with SqueezeNet as --judge also how many of them still look like the
    generator's own)."""
    methods: Annotated[tuple[str, ...], given("NAME ...", "those worth their time")] = ()
    """Rows of the table; a method of pmsfc invert stands for its rows. Of restorations: single,
    mganprior_16, pmsfc_4x4, pmsfc_4x4_random, mganprior_published, ours_M (the mean of M samples)
    and mixed_M (that and the simple way, as `pmsfc restore --mix auto` does); baselines are always
    there. A wrong name gets a list."""
    subset: Annotated[str | None, given("NAME", "all photographs")] = None
    """Name of a fixed subset in --subsets."""
    subsets: Path = Path("benchmarks/subsets.json")
    """File that names the photographs of each subset."""
    subspaces: Annotated[Path | None, given("FILE", "discovered")] = None
    """The partition of rows that have a discovered one, and whose sizes the random one has:
    subspaces.npz, or the folder of `pmsfc discover`."""
    layer: Annotated[int | None, given("INT", "that of --subspaces, else the first at 16x16")] = (
        None
    )
    """The cut. Of restorations it is by default that which tells held-out pixels best."""
    layers: Annotated[tuple[str, ...], given("TASK=INT ...", "--layer for all")] = ()
    """The cut of single columns of restorations, such as noise25=5."""
    steps: Annotated[int | None, given("INT", "300; of restorations 40, of edits 150")] = None
    """Of every method that has no number of its own."""
    seconds: Annotated[float | None, given("FLOAT", "equal steps")] = None
    """Equal time instead of equal steps: seconds an image, without compilation."""
    perceptual_weight: float = 0.0
    """Weight of the V that is stored with the generator."""
    learning_rate: float = 0.05
    """Of every method that has none of its own."""
    judge: Annotated[str | None, given("NAME | FILE", "no column of distances")] = None
    """An independent perceptual distance: SqueezeNet v1.0 as .npz, or a converted network."""
    batch_size: int = 8
    """Photographs in one compiled step; of restorations each with four samples."""
    seed: int = 0
    """Of starting codes, discovery, the random partition and the intervals."""
    weights_dir: WeightsDir = None
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": left_out, started, row
    (with its means), and at the end done, stopped or error. Text for people goes to stderr."""
