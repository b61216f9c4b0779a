"""``pmsfc sample``: draw samples of a generator."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.parsing import LARGEST_SEED, Switch, given, parse, required
from pmsfc_jax.cli.shared_options import GeneratorSet, WeightsDir
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.core.errors import InputError


@dataclass
class Options:
    """Draw samples of a generator. A seed draws the same image, whatever the others are."""

    name: Annotated[tyro.conf.Positional[str], required("NAME")]
    """Name of converted weights, or the path of their folder."""
    out: Path = Path("samples.png")
    """The sheet; with --separate a folder of one picture a seed."""
    num: int = 16
    """How many samples, of the seeds from --seed on."""
    seed: int = 0
    """The first seed."""
    seeds: Annotated[tuple[int, ...], given("INT ...", "those from --seed on")] = ()
    """These seeds instead."""
    truncation: float = 1.0
    """How far codes stray from their centre, from 0 to 1, for families that have one."""
    generator_set: GeneratorSet = ()
    separate: Switch = False
    """Save each sample as a picture of its own, named by its seed."""
    weights_dir: WeightsDir = None
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": image (with --separate,
    of each picture), and at the end done (with the path of the sheet or of the folder) or error.
    Text for people goes to stderr."""


def main(argv: Sequence[str]) -> int:
    """Draw them and say where they are."""
    options = parse(Options, "sample", argv)
    seeds = options.seeds or tuple(range(options.seed, options.seed + options.num))
    if not seeds:
        raise InputError(f"--num is {options.num}: give a whole number of at least 1")
    if not all(0 <= seed <= LARGEST_SEED for seed in seeds):
        raise InputError(f"--seeds are numbers from 0 to {LARGEST_SEED}, not {max(seeds, key=abs)}")
    if not 0 <= options.truncation <= 1:
        raise InputError(f"--truncation is {options.truncation}; it lies between 0 and 1")
    from pmsfc_jax.api import to_uint8
    from pmsfc_jax.cli.generators import load_asked
    from pmsfc_jax.cli.samples import draw_samples, samples_sheet
    from pmsfc_jax.cli.start_jax import start_jax
    from pmsfc_jax.io.images import save_png
    from pmsfc_jax.io.runs import make_folder

    start_jax()
    events = Events(options.json)
    generator, params = load_asked(options.name, options.generator_set, options.weights_dir)
    with progress_bar("samples") as update:
        images = to_uint8(
            draw_samples(generator, params, seeds, truncation=options.truncation, update=update)
        )
    if options.separate:
        make_folder(options.out)
        for seed, image in zip(seeds, images, strict=True):
            picture = options.out / f"seed{seed}.png"
            save_png(picture, image)
            events.tell("image", seed=seed, picture=str(picture))
    else:
        save_png(options.out, samples_sheet(images))
    several = f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"
    listed = f"seeds {', '.join(map(str, seeds))}" if len(options.seeds) > 1 else several
    notice(f"{counted(len(seeds), 'sample')} of {generator.spec.name} ({listed})")
    if not events.wanted:
        print(options.out)
    events.tell("done", out=str(options.out), seeds=list(seeds), exit_code=0)
    return 0
