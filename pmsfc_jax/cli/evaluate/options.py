"""``pmsfc evaluate``: methods on the same photographs, at equal steps or equal time, as a table."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from pmsfc_jax.cli.shared_options import DEFAULT_GENERATOR


@dataclass
class Options:
    """Compare methods on a folder of photographs. The same command again goes on where it was."""

    photos: tyro.conf.Positional[Path]
    """Folder of photographs, or with --subset the folder that holds the subset's folders."""
    out: Path
    """Folder for table.csv, table.json, table.md, sheet.png and the finished methods."""
    generator: str = DEFAULT_GENERATOR
    """Name of converted weights, or the path of their folder."""
    methods: tuple[str, ...] = ()
    """Rows of the table; a wrong name gets a list of all. By default those worth their time."""
    subset: str | None = None
    """Name of a fixed subset in --subsets."""
    subsets: Path = Path("benchmarks/subsets.json")
    """File that names the photographs of each subset."""
    layer: int | None = None
    """The cut; by default the first layer at 16x16."""
    steps: int = 300
    """Of every method that has no number of its own."""
    seconds: float | None = None
    """Equal time instead of equal steps: seconds an image, without compilation."""
    perceptual_weight: float = 0.0
    """Weight of the V that is stored with the generator."""
    learning_rate: float = 0.05
    """Of every method that has none of its own."""
    judge: Path | None = None
    """SqueezeNet v1.0 as .npz: an independent perceptual distance."""
    batch_size: int = 8
    """Photographs in one compiled step."""
    seed: int = 0
    """Of starting codes, discovery, the random partition and the intervals."""
    weights_dir: Path | None = None
    """Where to look first for weights."""
