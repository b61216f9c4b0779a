"""``pmsfc render``: redraw the images of a run from their codes, or the frames of edits."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.parsing import Switch, given, parse
from pmsfc_jax.cli.shared_options import WeightsDir
from pmsfc_jax.cli.wording import counted


@dataclass
class Options:
    """Draw the images of a run again from their saved codes, or the frames of edits."""

    run: tyro.conf.Positional[Path]
    """The --out folder of `pmsfc invert`, `restore` or `edit`."""
    out: Annotated[Path | None, given("FOLDER", "the folder rendered of the run")] = None
    """Where the pictures go."""
    weights_dir: WeightsDir = None
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": image (with the path of
    its picture), and at the end done or error. Text for people goes to stderr."""


def main(argv: Sequence[str]) -> int:
    """Render every file of codes, or of edited features."""
    options = parse(Options, "render", argv)
    # These import jax, which alone takes seconds.
    from pmsfc_jax.api import render, to_uint8
    from pmsfc_jax.cli.generators import load_chosen
    from pmsfc_jax.cli.saved import saved_in
    from pmsfc_jax.cli.start_jax import start_jax
    from pmsfc_jax.io.images import save_png
    from pmsfc_jax.io.paths import shown
    from pmsfc_jax.io.runs import make_folder

    start_jax()
    found, events = saved_in(options.run), Events(options.json)
    generator, params = load_chosen(found.generator, found.settings, options.weights_dir)
    out, done = options.out or options.run / "rendered", 0
    total = sum(len(file.pictures) for file in found.files)
    with progress_bar("render") as update:
        for file in found.files:
            update(done, total, file.pictures[0])
            images = to_uint8(render(generator, params, file.load()))
            if not done:
                make_folder(out)  # all are of the same weights: a mistake leaves none
            for name, image in zip(file.pictures, images, strict=True):
                save_png(out / f"{name}.png", image)
                events.tell("image", image=name, picture=str(out / f"{name}.png"))
            done += len(images)
        update(done, total)
    notice(f"{counted(done, 'image')} in {shown(out)}")
    events.tell("done", images=done, exit_code=0)
    return 0
