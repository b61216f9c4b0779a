"""What ``pmsfc discover`` can be told; knows no jax."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from pmsfc_jax.cli.parsing import Switch, given, required
from pmsfc_jax.cli.shared_options import GeneratorSet, WeightsDir


@dataclass
class Options:
    """Find the subspaces of a generator's layer (self-expression and spectral clustering).

    With --out also what they do to pictures, in numbers and beside random subspaces.
    """

    name: Annotated[tyro.conf.Positional[str], required("NAME")]
    """Name of converted weights, or the path of their folder."""
    layer: int
    """The cut: the index of a convolution, see `pmsfc info`."""
    num_subspaces: Annotated[
        int | None, given("INT", "where the spectrum of the affinity has its largest gap")
    ] = None
    """R, how many subspaces."""
    out: Annotated[Path | None, given("FOLDER", "nothing is written")] = None
    """Folder for subspaces.npz, which `pmsfc invert --subspaces` takes, and for report.html."""
    num_samples: int = 4096
    """Latent codes whose features are looked at."""
    method: Literal["ridge", "lasso", "elastic_net", "paper"] = "ridge"
    """Penalty on the coefficients of the self-expression; paper is equation 6, a lasso with a term
    on the pictures, which takes minutes."""
    mu: Annotated[
        float | Literal["held_out"] | None,
        given("FLOAT | held_out", "a share of the features' energy"),
    ] = None
    """Size of the penalty; held_out chooses it by the residual on independent latent codes."""
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
    judge: Annotated[
        str | None, given("NAME | FILE", "the V that is stored with the generator, if any")
    ] = None
    """The perceptual distance of the report: SqueezeNet v1.0 as .npz, or a converted network."""
    generator_set: GeneratorSet = ()
    seed: int = 0
    """Of the latent codes, of the clustering and of the random partitions."""
    weights_dir: WeightsDir = None
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": progress (at most once
    a second), subspaces (sizes, labels, residuals), effects (the measures beside random subspaces),
    and at the end done or error. Text for people goes to stderr."""
