"""``pmsfc render``: redraw the images of a run from their codes."""

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
    """Draw the images of a run again from their saved codes."""

    run: tyro.conf.Positional[Path]
    """The --out folder of `pmsfc invert`."""
    out: Annotated[Path | None, given("FOLDER", "the folder rendered of the run")] = None
    """Where the pictures go."""
    weights_dir: WeightsDir = None
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": image (with the path of
    its picture), and at the end done or error. Text for people goes to stderr."""


def main(argv: Sequence[str]) -> int:
    """Render every file of codes."""
    options = parse(Options, "render", argv)
    # These import jax, which alone takes seconds.
    from pmsfc_jax.api import load_codes, render, to_uint8
    from pmsfc_jax.cli.generators import load_chosen, recorded_settings
    from pmsfc_jax.cli.start_jax import start_jax
    from pmsfc_jax.inversion.drawing import check_drawing
    from pmsfc_jax.io.images import save_png
    from pmsfc_jax.io.paths import shown
    from pmsfc_jax.io.runs import RunFolder, make_folder

    start_jax()
    run, events = RunFolder(options.run), Events(options.json)
    names = run.names()
    generator, params = load_chosen(
        str(run.settings().get("generator")), recorded_settings(options.run), options.weights_dir
    )
    # All of a run are of the same weights: a mistake leaves no folder.
    check_drawing(generator, load_codes(run.codes_path(names[0])))
    out = options.out or options.run / "rendered"
    make_folder(out)
    with progress_bar("render") as update:
        for done, name in enumerate(names):
            update(done, len(names), name)
            image = render(generator, params, load_codes(run.codes_path(name)))
            save_png(out / f"{name}.png", to_uint8(image)[0])
            events.tell("image", image=name, picture=str(out / f"{name}.png"))
        update(len(names), len(names), "")
    notice(f"{counted(len(names), 'image')} in {shown(out)}")
    events.tell("done", images=len(names), exit_code=0)
    return 0
