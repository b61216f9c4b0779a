"""``pmsfc convert``: a PyTorch checkpoint in, a folder of verified weights out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pmsfc_jax.cli._console import notice
from pmsfc_jax.cli._options import parse


@dataclass
class Options:
    """Convert a published generator checkpoint. Nothing in the file is executed."""

    source: tyro.conf.Positional[Path]
    """The checkpoint file."""
    name: str
    """What the converted weights are to be called."""
    weights_dir: Path | None = None
    """Where to put them; else the first folder of PMSFC_WEIGHTS, else ./ported_weights."""
    which: str | None = None
    """Which of the networks in the file; by default the averaged generator."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace weights of the same name."""
    set: tuple[str, ...] = ()
    """Facts that the file does not hold, as field=value, for instance --set output=tanh."""


def main(argv: Sequence[str]) -> int:
    """Say what was recognised, convert it, and print the manifest."""
    options = parse(Options, "convert", argv)
    from pmsfc_jax.api import convert_checkpoint
    from pmsfc_jax.weights.convert import parse_architecture, recognise_checkpoint

    facts = parse_architecture(options.set)
    notice(recognise_checkpoint(options.source, which=options.which))
    path = convert_checkpoint(
        options.source,
        options.name,
        weights_dir=options.weights_dir,
        which=options.which,
        overwrite=options.overwrite,
        **facts,
    )
    manifest = json.loads((path / "manifest.json").read_text())
    print(json.dumps(manifest, indent=2))
    notice(f"written to {path}")
    return 0
