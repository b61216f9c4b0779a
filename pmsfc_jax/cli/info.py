"""``pmsfc info``: what a generator is made of."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from pmsfc_jax.cli.console import table
from pmsfc_jax.cli.parsing import parse


@dataclass
class Options:
    """Show a generator's layers, the shapes at their cuts, and its parameters."""

    name: tyro.conf.Positional[str]
    """Name of converted weights, or the path of their folder."""
    weights_dir: Path | None = None
    """Where to look first for weights."""


def main(argv: Sequence[str]) -> int:
    """Print the table."""
    options = parse(Options, "info", argv)
    import jax

    from pmsfc_jax.api import load_generator, load_perceptual

    generator, params = load_generator(options.name, weights_dir=options.weights_dir)
    spec = generator.spec
    rows = [
        [str(layer), "x".join(map(str, shape)), f"{math.prod(shape):,}"]
        for layer, shape in enumerate(spec.feature_shapes)
    ]
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    perceptual = load_perceptual(options.name, weights_dir=options.weights_dir)
    latent = " + ".join("x".join(map(str, shape)) for shape in spec.latent_sizes)
    print(f"{spec.name}: latent {latent}, image {'x'.join(map(str, spec.image_shape))}")
    print(f"parameters: {count:,}   weights: {spec.identity[:16]}")
    print(f"perceptual network: {perceptual.name if perceptual else 'none'}\n")
    print(table(["layer", "feature HxWxC", "numbers"], rows))
    return 0
