"""``pmsfc info``: which generators there are, and what one is made of."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from pmsfc_jax.cli.console import notice, table
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.parsing import Switch, given, parse
from pmsfc_jax.cli.shared_options import GeneratorSet, WeightsDir
from pmsfc_jax.core.errors import InputError

if TYPE_CHECKING:
    from pmsfc_jax.weights.store.manifest import Manifest


@dataclass
class Options:
    """List converted weights, or show a generator's layers, parameters, and where it came from."""

    name: Annotated[tyro.conf.Positional[str | None], given("NAME", "list all names")] = None
    """Name of converted weights, or the path of their folder."""
    generator_set: GeneratorSet = ()
    weights_dir: WeightsDir = None
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": weights (for each name
    of the list), generator or judge, and at the end done or error. Text for people goes to
    stderr."""


def main(argv: Sequence[str]) -> int:
    """Print the list or the table."""
    options = parse(Options, "info", argv)
    events = Events(options.json)
    # For programs, stdout is theirs alone.
    say: Callable[[str], None] = notice if events.wanted else print
    if options.name is None:
        _list(options.weights_dir, events, say)
    else:
        _show(options.name, options, events, say)
    events.tell("done", exit_code=0)
    return 0


def _show(name: str, options: Options, events: Events, say: Callable[[str], None]) -> None:
    from pmsfc_jax.cli.conversion import describe_choices
    from pmsfc_jax.cli.start_jax import start_jax
    from pmsfc_jax.weights.store.manifest import read_manifest
    from pmsfc_jax.weights.store.placing import settled
    from pmsfc_jax.weights.store.search import find_weights

    start_jax()
    folder = settled(find_weights(name, options.weights_dir))
    manifest = read_manifest(folder)
    generates = "generator" in manifest.networks
    facts, layers = _generator(name, options, say) if generates else (_judge(manifest, say), "")
    source = manifest.source
    if source is not None:
        network = f" ({source.group})" if source.group else ""
        say(f"from {source.file}{network}, layout {source.layout}")
        say(describe_choices(source))
    sheets = [("samples", "samples.png"), ("their mean", "mean.png")]
    for what, file in sheets:
        if (folder / file).is_file():
            say(f"{what}: {folder / file}")
    if layers:
        say(f"\n{layers}")
    events.tell(
        "generator" if generates else "judge",
        **facts,
        folder=str(folder),
        source=None if source is None else asdict(source),
    )


def _generator(
    name: str, options: Options, say: Callable[[str], None]
) -> tuple[dict[str, Any], str]:
    """Load a generator, which verifies it, and say its head: its facts, and its table of layers."""
    import jax

    from pmsfc_jax.api import load_perceptual
    from pmsfc_jax.cli.conversion import headline, layer_table
    from pmsfc_jax.cli.generators import load_asked

    generator, params = load_asked(name, options.generator_set, options.weights_dir)
    spec = generator.spec
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    perceptual = load_perceptual(name, weights_dir=options.weights_dir)
    say(headline(generator))
    say(f"parameters: {count:,}   weights: {spec.identity[:16]}")
    say(f"perceptual network: {perceptual.name if perceptual else 'none'}")
    facts = {
        "name": spec.name,
        "latent": [list(shape) for shape in spec.latent_sizes],
        "image": list(spec.image_shape),
        "parameters": count,
        "weights_sha256": spec.identity,
        "perceptual": perceptual.name if perceptual else None,
        "layers": [list(shape) for shape in spec.feature_shapes],
    }
    return facts, layer_table(generator)


def _judge(manifest: "Manifest", say: Callable[[str], None]) -> dict[str, Any]:
    """Say what weights without a generator are."""
    families = [network.family for network in manifest.networks.values()]
    say(f"{manifest.name}: {', '.join(families)}, which judges pictures and draws none")
    return {"name": manifest.name, "networks": families, "weights_sha256": manifest.manifest_hash}


def _list(weights_dir: Path | None, events: Events, say: Callable[[str], None]) -> None:
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
        families = [facts.family for facts in manifest.networks.values()]
        image = "judges" if spec is None else "x".join(map(str, spec.image_shape[:2]))
        licence = "" if manifest.source is None else manifest.source.licence
        rows.append([name, ", ".join(families), image, licence, str(folder)])
        events.tell(
            "weights",
            name=name,
            networks=families,
            image=None if spec is None else list(spec.image_shape),
            licence=licence,
            folder=str(folder),
        )
    if rows:
        say(table(["name", "networks", "images", "licence", "folder"], rows, left=5))
    else:
        notice("there are no weights; `pmsfc fetch --list` shows what can be fetched")
