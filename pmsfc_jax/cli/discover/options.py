"""What ``pmsfc discover`` can be told; knows no jax."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro


@dataclass
class Options:
    """Find the subspaces of a generator's layer (self-expression and spectral clustering).

    With --out also what they do to pictures, in numbers and beside random subspaces.
    """

    name: tyro.conf.Positional[str]
    """Name of converted weights, or the path of their folder."""
    layer: int
    """The cut: the index of a convolution, see `pmsfc info`."""
    num_subspaces: int | None = None
    """R, how many subspaces; by default where the spectrum of the affinity has its largest gap."""
    out: Path | None = None
    """Folder for subspaces.npz, which `pmsfc invert --subspaces` takes, and for report.html."""
    num_samples: int = 4096
    """Latent codes whose features are looked at."""
    method: Literal["ridge", "lasso", "elastic_net", "paper"] = "ridge"
    """Penalty on the coefficients of the self-expression; paper is equation 6, a lasso with a term
    on the pictures, which takes minutes."""
    mu: float | Literal["held_out"] | None = None
    """Size of the penalty; by default a share of the features' energy; held_out chooses it by the
    residual on independent latent codes."""
    relation: Literal["self_expression", "cosine", "correlation", "effect"] = "self_expression"
    """What makes two channels belong together: their coefficients as in the article, likeness of
    their features, or likeness of what each of them changes in pictures (effect)."""
    report: bool = True
    """Measure what the subspaces do to pictures, and write report.html with its pictures; with
    --no-report --out takes subspaces.npz and the numbers of the discovery alone."""
    num_pairs: int = 64
    """Random pairs of codes whose features are exchanged for the report."""
    num_random: int = 8
    """Random partitions of the same sizes to set the subspaces beside."""
    judge: Path | None = None
    """SqueezeNet v1.0 as .npz, as perceptual distance of the report; by default the V that is
    stored with the generator, if any."""
    seed: int = 0
    """Of the latent codes, of the clustering and of the random partitions."""
    weights_dir: Path | None = None
    """Where to look first for weights."""
