"""``pmsfc convert``: a checkpoint in, a folder of verified weights out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pmsfc_jax.cli.parsing import Switch, given, parse
from pmsfc_jax.core.errors import InputError


@dataclass
class Options:
    """Convert a published generator or judging network. Nothing in the file is executed."""

    source: Annotated[tyro.conf.Positional[Path | None], given("FILE", "what --fetch gets")] = None
    """The checkpoint file, or the wheel of a Python package that holds one."""
    name: Annotated[str | None, given("NAME", "the name that is fetched")] = None
    """What the converted weights are to be called."""
    fetch: Annotated[str | None, given("NAME", "convert a file")] = None
    """Download this instead, as `pmsfc fetch` does; `pmsfc fetch --list` shows what there is."""
    accept_licence: Switch = False
    """Accept a licence of what is fetched that forbids commercial use."""
    weights_dir: Annotated[
        Path | None, given("FOLDER", "the first of PMSFC_WEIGHTS, else ./ported_weights")
    ] = None
    """Where to put them."""
    which: Annotated[str | None, given("NAME", "the averaged generator, or the only one")] = None
    """Which of the networks in the file."""
    set: Annotated[tuple[tuple[str, ...], ...], tyro.conf.UseAppendAction] = ()
    """Facts that the file does not hold, as field=value: --set output=tanh --set slope=0.1."""
    samples: Annotated[int | None, given("INT", "16, or 4 of large images")] = None
    """How many samples to draw on a sheet; 0 for none."""
    overwrite: Switch = False
    """Replace weights of the same name."""
    json: Switch = False
    """Print the manifest alone to stdout, as JSON, and the rest to stderr."""


def main(argv: Sequence[str]) -> int:
    """Convert, say what was recognised and assumed, and what to do next."""
    options = parse(Options, "convert", argv)
    from pmsfc_jax.cli.conversion import Wanted, convert
    from pmsfc_jax.cli.fetch import run
    from pmsfc_jax.weights.convert import parse_architecture

    facts = parse_architecture([text for several in options.set for text in several])
    if (options.source is None) == (options.fetch is None):
        raise InputError("give a checkpoint file and --name, or --fetch with what to download")
    if options.samples is not None and options.samples < 0:
        raise InputError(f"--samples is {options.samples}; it is a number from 0 up")
    name = options.name or options.fetch
    if name is None:
        raise InputError("give --name with what the converted weights are to be called")
    wanted = Wanted(
        name=name,
        weights_dir=options.weights_dir,
        which=options.which,
        overwrite=options.overwrite,
        facts=facts,
        samples=options.samples,
        json=options.json,
    )
    if options.source is None:
        run(str(options.fetch), wanted, accepted=options.accept_licence)
    else:
        convert(wanted._replace(source=options.source))
    return 0
