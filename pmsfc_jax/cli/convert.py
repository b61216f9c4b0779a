"""``pmsfc convert``: a PyTorch checkpoint in, a folder of verified weights out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.parsing import parse
from pmsfc_jax.core.errors import InputError


@dataclass
class Options:
    """Convert a published generator or judging network. Nothing in the file is executed."""

    source: tyro.conf.Positional[Path | None] = None
    """The checkpoint file, unless --fetch is given."""
    name: str | None = None
    """What the converted weights are to be called; by default the name that is fetched."""
    fetch: str | None = None
    """Download a published judging network and verify it: vgg16, squeezenet1_0, squeezenet1_1, or
    lpips_vgg."""
    weights_dir: Path | None = None
    """Where to put them; else the first folder of PMSFC_WEIGHTS, else ./ported_weights."""
    which: str | None = None
    """Which of the networks in the file; by default the averaged generator."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace weights of the same name."""
    set: tuple[str, ...] = ()
    """Facts that the file does not hold, as field=value, for instance --set output=tanh."""


def main(argv: Sequence[str]) -> int:
    """Fetch if need be, say what was recognised, convert it, and print the manifest."""
    options = parse(Options, "convert", argv)
    from pmsfc_jax.api import convert_checkpoint
    from pmsfc_jax.weights.convert import parse_architecture

    name = options.name or options.fetch
    if (options.source is None) == (options.fetch is None) or name is None:
        raise InputError("give a checkpoint file and --name, or --fetch with what to download")
    facts = parse_architecture(options.set)
    source = options.source or _fetched(str(options.fetch), options.weights_dir)
    path = convert_checkpoint(
        source,
        name,
        weights_dir=options.weights_dir,
        which=options.which,
        overwrite=options.overwrite,
        on_recognised=notice,
        **facts,
    )
    manifest = json.loads((path / "manifest.json").read_text())
    print(json.dumps(manifest, indent=2))
    notice(f"written to {path}")
    return 0


def _fetched(name: str, weights_dir: Path | None) -> Path:
    """The published file, downloaded beside the weights unless it is there."""
    from pmsfc_jax.weights.fetch import fetch, published
    from pmsfc_jax.weights.store.search import default_weights_dir

    notice(f"fetching {published(name).what} from {published(name).address}")
    with progress_bar("download") as update:
        return fetch(
            name,
            (weights_dir or default_weights_dir()) / "downloads",
            on_progress=lambda done, total: update(done, total or done, ""),
        )
