"""``pmsfc parts``: the parts of a generator's pictures, where edits can act."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pmsfc_jax.cli.console import notice, progress_bar, table
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.parsing import Switch, given, parse, required
from pmsfc_jax.cli.shared_options import GeneratorSet, WeightsDir


@dataclass
class Options:
    """Find the parts of a generator's pictures: positions of a layer's feature that are alike.

    `pmsfc edit --region part:N` acts there; a part is found anew in every picture.
    """

    name: Annotated[tyro.conf.Positional[str], required("NAME")]
    """Name of converted weights, or the path of their folder."""
    out: Path
    """Folder for parts.npz and parts.png; that of `pmsfc discover` may be used."""
    layer: Annotated[int | None, given("INT", "the first at 16x16")] = None
    """The cut; pmsfc info lists the layers."""
    num_parts: int = 8
    """How many parts."""
    num_samples: int = 128
    """Random codes whose features are looked at."""
    smooth: bool = True
    """Look at positions together with their neighbours, as suits transposed convolutions."""
    num: int = 6
    """Random pictures that are shown with their parts."""
    generator_set: GeneratorSet = ()
    seed: int = 0
    """Of the codes and of the search."""
    weights_dir: WeightsDir = None
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": part, and at the end
    done or error. Text for people goes to stderr."""


def main(argv: Sequence[str]) -> int:
    """Find, tell, save and show."""
    options = parse(Options, "parts", argv)
    # These import jax, which alone takes seconds.
    import jax

    from pmsfc_jax.api import find_parts, save_parts, to_uint8
    from pmsfc_jax.cli.generators import load_asked
    from pmsfc_jax.cli.out_folder import check_out_folder
    from pmsfc_jax.cli.start_jax import start_jax
    from pmsfc_jax.core.checks import positive_int
    from pmsfc_jax.core.generator import default_layer
    from pmsfc_jax.io.images import save_png
    from pmsfc_jax.io.paths import shown
    from pmsfc_jax.io.runs import make_folder
    from pmsfc_jax.report.parts import parts_sheet
    from pmsfc_jax.tasks.edit.parts.parts import sample_pictures

    for name in ("num", "num_samples", "num_parts"):
        positive_int(getattr(options, name), f"--{name.replace('_', '-')}")
    check_out_folder(options.out)
    start_jax()
    events = Events(options.json)
    generator, params = load_asked(options.name, options.generator_set, options.weights_dir)
    layer = default_layer(generator.spec) if options.layer is None else options.layer
    key, own = jax.random.split(jax.random.key(options.seed))
    with progress_bar("features") as update:
        parts = find_parts(
            generator,
            params,
            layer=layer,
            num_parts=options.num_parts,
            key=key,
            num_samples=options.num_samples,
            seed=options.seed,
            smooth=options.smooth,
            on_progress=update,
        )
    make_folder(options.out)
    save_parts(options.out / "parts.npz", parts)
    pictures, labels = sample_pictures(generator, params, parts, key=own, num=options.num)
    save_png(options.out / "parts.png", parts_sheet(to_uint8(pictures), labels, len(parts)))
    shares = parts.about["shares"]
    for number, share in enumerate(shares):
        events.tell("part", number=number, share=share)
    rows = [[str(number), f"{share:.3f}"] for number, share in enumerate(shares)]
    text = f"{parts!r}, cohesion {parts.about['cohesion']:.3f}\n{table(['part', 'share'], rows)}"
    (notice if events.wanted else print)(text)
    notice(f"written to {shown(options.out)}: parts.npz, for pmsfc edit --parts, and parts.png")
    events.tell("done", parts=len(parts), file=str(options.out / "parts.npz"), exit_code=0)
    return 0
