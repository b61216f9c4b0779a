"""Convert a checkpoint and say what came of it: what `pmsfc convert` and `pmsfc fetch` share."""

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pmsfc_jax.cli.console import notice, table

if TYPE_CHECKING:
    from pmsfc_jax.core.generator import SplitGenerator
    from pmsfc_jax.weights.store.manifest import Manifest, Source

# Side in pixels from which a few samples have to do.
_LARGE = 256


class Wanted(NamedTuple):
    """What is to be converted, and how; as `convert_checkpoint` takes it.

    ``samples`` is the number of samples on the sheet, 0 for none and ``None`` for as many as suit
    the size of the images; with ``json`` the manifest is all that goes to stdout.
    """

    name: str
    source: Path = Path()
    weights_dir: Path | None = None
    which: str | None = None
    overwrite: bool = False
    facts: Mapping[str, Any] = {}
    samples: int | None = None
    json: bool = False
    licence: str = ""
    address: str = ""


def convert(wanted: Wanted) -> None:
    """Convert, and print what was recognised, what was assumed, the layers, and what to do next."""
    from pmsfc_jax.api import convert_checkpoint
    from pmsfc_jax.cli.start_jax import start_jax
    from pmsfc_jax.weights.store.manifest import read_manifest

    start_jax()
    say: Callable[[str], None] = notice if wanted.json else print
    folder = convert_checkpoint(
        wanted.source,
        wanted.name,
        weights_dir=wanted.weights_dir,
        which=wanted.which,
        overwrite=wanted.overwrite,
        on_recognised=say,
        licence=wanted.licence,
        address=wanted.address,
        **wanted.facts,
    )
    manifest = read_manifest(folder)
    if manifest.source is not None:
        say(describe_choices(manifest.source))
    if "generator" in manifest.networks:
        _show_generator(folder, wanted, say)
    say(f"written to {folder}")
    say(f"next: {_next_command(manifest, wanted)}")
    if wanted.json:
        print(json.dumps(json.loads(manifest.to_json()), indent=2))


def describe_choices(source: "Source") -> str:
    """What the file says, what was given, and what was assumed, a line each; and the licence."""
    lines = []
    for origin, label in (
        ("file", "the file says"),
        ("given", "given"),
        ("default", "assumed, since the file does not say it"),
    ):
        facts = [
            f"{name}={choice['value']}"
            for name, choice in source.choices.items()
            if choice["from"] == origin
        ]
        if facts:
            lines.append(f"{label}: {', '.join(facts)}")
    if any(choice["from"] == "default" for choice in source.choices.values()):
        lines[-1] += " (--set changes it)"
    if source.licence:
        lines.append(f"licence: {source.licence}")
    return "\n".join(lines) or "nothing had to be assumed"


def layer_table(generator: "SplitGenerator") -> str:
    """The shape and size of the feature at each cut."""
    rows = []
    for layer, shape in enumerate(generator.spec.feature_shapes):
        height, width, channels = shape
        size = f"{height * width * channels:,}"
        rows.append([str(layer), "x".join(map(str, shape)), size])
    return table(["layer", "feature HxWxC", "numbers"], rows)


def headline(generator: "SplitGenerator") -> str:
    """Name, latent and image of a generator."""
    spec = generator.spec
    latent = " + ".join("x".join(map(str, shape)) for shape in spec.latent_sizes)
    return f"{spec.name}: latent {latent}, image {'x'.join(map(str, spec.image_shape))}"


def _show_generator(folder: Path, wanted: Wanted, say: Callable[[str], None]) -> None:
    from pmsfc_jax.api import load_generator

    generator, params = load_generator(folder)
    say(f"\n{headline(generator)}")
    say(f"{layer_table(generator)}\n")
    usual = 16 if generator.spec.image_shape[0] <= _LARGE else 4
    count = usual if wanted.samples is None else wanted.samples
    if count:
        from pmsfc_jax.cli.samples import save_sheets

        sheet, mean = save_sheets(folder, generator, params, count)
        say(f"samples: {sheet}")
        say(f"their mean, which photographs have to be framed like: {mean}")


def _next_command(manifest: "Manifest", wanted: Wanted) -> str:
    name = shlex.quote(wanted.name)
    where = (
        ""
        if wanted.weights_dir is None
        else f" --weights-dir {shlex.quote(str(wanted.weights_dir))}"
    )
    if "generator" in manifest.networks:
        return f"pmsfc invert PHOTOGRAPHS --out RUN --generator {name}{where}"
    if "lpips" in manifest.networks:
        return (
            "pmsfc invert PHOTOGRAPHS --out RUN --perceptual vgg16 "
            f"--lpips-heads {name} --perceptual-norm l2 --perceptual-weight W{where}"
        )
    return f"pmsfc invert PHOTOGRAPHS --out RUN --perceptual {name} --perceptual-weight W{where}"
