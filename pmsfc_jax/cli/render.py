"""``pmsfc render``: redraw the images of a run from their codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.parsing import parse


@dataclass
class Options:
    """Draw the images of a run again from their saved codes."""

    run: tyro.conf.Positional[Path]
    """The --out folder of `pmsfc invert`."""
    out: Path | None = None
    """Where the pictures go; by default the folder `rendered` of the run."""
    weights_dir: Path | None = None
    """Where to look first for weights."""


def main(argv: Sequence[str]) -> int:
    """Render every file of codes."""
    options = parse(Options, "render", argv)
    from pmsfc_jax.api import load_codes, load_generator, render, to_uint8
    from pmsfc_jax.io.images import save_png
    from pmsfc_jax.io.runs import RunFolder, make_folder

    run = RunFolder(options.run)
    names = run.names()
    generator, params = load_generator(
        str(run.settings().get("generator")), weights_dir=options.weights_dir
    )
    out = options.out or options.run / "rendered"
    make_folder(out)
    with progress_bar("render") as update:
        for done, name in enumerate(names):
            update(done, len(names), name)
            image = render(generator, params, load_codes(run.codes_path(name)))
            save_png(out / f"{name}.png", to_uint8(image)[0])
        update(len(names), len(names), "")
    notice(f"{len(names)} images in {out}")
    return 0
