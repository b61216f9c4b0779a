"""``pmsfc discover``: the subspaces of one layer of a generator."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from pmsfc_jax.cli._console import notice, progress_bar
from pmsfc_jax.cli._options import parse
from pmsfc_jax.cli._print import describe_subspaces


@dataclass
class Options:
    """Find the subspaces of a generator's layer (self-expression and spectral clustering)."""

    name: tyro.conf.Positional[str]
    """Name of converted weights, or the path of their folder."""
    layer: int
    """The cut: the index of a convolution, see `pmsfc info`."""
    num_subspaces: int | None = None
    """R, how many subspaces; by default where the spectrum of the affinity has its largest gap."""
    out: Path | None = None
    """Folder for subspaces.npz, which `pmsfc invert --subspaces` takes."""
    num_samples: int = 4096
    """Latent codes whose features are looked at."""
    method: Literal["ridge", "lasso", "elastic_net"] = "ridge"
    """Penalty on the coefficients of the self-expression."""
    mu: float | Literal["held_out"] | None = None
    """Size of the penalty; by default a share of the features' energy; held_out chooses it by the
    residual on independent latent codes."""
    seed: int = 0
    """Of the latent codes and of the clustering."""
    weights_dir: Path | None = None
    """Where to look first for weights."""


def main(argv: Sequence[str]) -> int:
    """Discover, print sizes and residuals, and save."""
    options = parse(Options, "discover", argv)
    import jax

    from pmsfc_jax.api import discover_subspaces, load_generator, save_subspaces
    from pmsfc_jax.io.runs import make_folder

    generator, params = load_generator(options.name, weights_dir=options.weights_dir)
    with progress_bar("features") as update:
        subspaces = discover_subspaces(
            generator,
            params,
            layer=options.layer,
            num_subspaces=options.num_subspaces,
            key=jax.random.key(options.seed),
            num_samples=options.num_samples,
            method=options.method,
            mu=options.mu,
            on_progress=lambda done, total: update(done, total, ""),
        )
    print(describe_subspaces(subspaces))
    if options.out is not None:
        make_folder(options.out)
        save_subspaces(options.out / "subspaces.npz", subspaces, seed=options.seed)
        notice(f"written to {options.out / 'subspaces.npz'}")
    return 0
