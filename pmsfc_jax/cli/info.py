"""``pmsfc info``: which generators there are, and what one is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pmsfc_jax.cli.console import notice, table
from pmsfc_jax.cli.parsing import given, parse
from pmsfc_jax.core.errors import InputError


@dataclass
class Options:
    """List converted weights, or show a generator's layers, parameters, and where it came from."""

    name: Annotated[tyro.conf.Positional[str | None], given("NAME", "list all names")] = None
    """Name of converted weights, or the path of their folder."""
    weights_dir: Annotated[Path | None, given("FOLDER", "./ported_weights")] = None
    """Where to look first for weights."""


def main(argv: Sequence[str]) -> int:
    """Print the list or the table."""
    options = parse(Options, "info", argv)
    if options.name is None:
        return _list(options.weights_dir)
    import jax

    from pmsfc_jax.api import load_generator, load_perceptual
    from pmsfc_jax.cli.conversion import describe_choices, headline, layer_table
    from pmsfc_jax.cli.start_jax import start_jax
    from pmsfc_jax.weights.store.manifest import read_manifest
    from pmsfc_jax.weights.store.placing import settled
    from pmsfc_jax.weights.store.search import find_weights

    start_jax()
    start_jax()
    generator, params = load_generator(options.name, weights_dir=options.weights_dir)
    folder = settled(find_weights(options.name, options.weights_dir))
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    perceptual = load_perceptual(options.name, weights_dir=options.weights_dir)
    print(headline(generator))
    print(f"parameters: {count:,}   weights: {generator.spec.identity[:16]}")
    print(f"perceptual network: {perceptual.name if perceptual else 'none'}")
    source = read_manifest(folder).source
    if source is not None:
        network = f" ({source.group})" if source.group else ""
        print(f"from {source.file}{network}, layout {source.layout}")
        print(describe_choices(source))
    for what, file in (("samples", "samples.png"), ("their mean", "mean.png")):
        if (folder / file).is_file():
            print(f"{what}: {folder / file}")
    print(f"\n{layer_table(generator)}")
    return 0


def _list(weights_dir: Path | None) -> int:
    from pmsfc_jax.registry import describe_generator
    from pmsfc_jax.weights.store.manifest import read_manifest
    from pmsfc_jax.weights.store.placing import settled
    from pmsfc_jax.weights.store.search import available_weights

    rows = []
    for name, folder in available_weights(weights_dir).items():
        try:
            manifest = read_manifest(settled(folder))
            spec = describe_generator(manifest) if "generator" in manifest.networks else None
        except InputError as error:
            notice(f"{name} is left out: {error}")
            continue
        families = ", ".join(facts.family for facts in manifest.networks.values())
        image = "judges" if spec is None else "x".join(map(str, spec.image_shape[:2]))
        licence = "" if manifest.source is None else manifest.source.licence
        rows.append([name, families, image, licence, str(folder)])
    if not rows:
        notice("there are no weights; `pmsfc fetch --list` shows what can be fetched")
        return 0
    print(table(["name", "networks", "images", "licence", "folder"], rows, left=5))
    return 0
