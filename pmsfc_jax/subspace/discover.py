"""The whole of discovery: from a generator to the subspaces of one of its layers."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import jax
import numpy as np

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.masks import masks_from_labels
from pmsfc_jax.core.typing import Array, Key, Progress
from pmsfc_jax.subspace.gram import feature_gram
from pmsfc_jax.subspace.numerics.affinity import affinity
from pmsfc_jax.subspace.numerics.checks import cluster_count
from pmsfc_jax.subspace.numerics.path import choose_mu
from pmsfc_jax.subspace.numerics.precision import Precision, check_precision
from pmsfc_jax.subspace.numerics.self_expression import residual, self_expression
from pmsfc_jax.subspace.numerics.solvers import PAPER, check_method, check_mu
from pmsfc_jax.subspace.numerics.spectral import spectral_clustering_details
from pmsfc_jax.subspace.paper.expression import paper_expression
from pmsfc_jax.subspace.paper.options import PaperOptions
from pmsfc_jax.subspace.paper.search import latents_drawn
from pmsfc_jax.subspace.relation import Relation, check_relation, relation_affinity

# Independent streams of one key, by `jax.random.fold_in`.
_TRAIN_STREAM, _HELD_OUT_STREAM, _CLUSTERING_STREAM, _PAPER_STREAM, _EFFECT_STREAM = range(5)


@dataclass(frozen=True)
class DiscoverySettings:
    """How subspaces were found, in plain values.

    Together with the key, the weights and the layer these reproduce the result.

    Attributes:
      generator: the name of the generator.
      num_samples: latents in the Gram matrix.
      num_held_out: latents in the Gram matrix of the held-out residual.
      batch_size: latents a step.
      method: the solver of the self-expression.
      mu: the penalty that was used.
      keep_mass, rank, affinity_power: see `affinity`.
      num_restarts: k-means starts.
      precision: of the solver.
      paper: what equation 6 was minimised with, its image weight as used; None for other methods.
      relation: what the affinity was made of.
    """

    generator: str
    num_samples: int
    num_held_out: int
    batch_size: int
    method: str
    mu: float
    keep_mass: float | None
    rank: int | None
    affinity_power: float
    num_restarts: int
    precision: Precision = "float64"
    paper: PaperOptions | None = None
    relation: Relation = "self_expression"

    def __post_init__(self) -> None:
        """Take the options back from plain values, as they come from a file."""
        if isinstance(self.paper, dict):
            object.__setattr__(self, "paper", PaperOptions(**self.paper))


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "labels",
        "masks",
        "eigenvalues",
        "coefficients",
        "isolated",
        "residual",
        "held_out_residual",
        "image_error",
    ],
    meta_fields=["layer", "settings", "advice"],
)
@dataclass(frozen=True, eq=False)
class Subspaces:
    """The subspaces of the channels at one layer. A pytree; layer, settings and advice are static.

    Attributes:
      layer: the cut they belong to.
      labels: ``[C]`` int32 in 0..R-1, the subspace of every channel.
      masks: ``[R, C]`` float32, the indicator of every subspace.
      eigenvalues: ``[C]`` of the normalised affinity, largest first; a gap after the R-th speaks
        for R subspaces.
      coefficients: S, ``[C, C]`` with a zero diagonal.
      isolated: ``[C]`` bool, channels related to no other, placed in the largest subspace.
      residual: ``||F - F S||^2 / ||F||^2`` on the latents S was found on.
      held_out_residual: the same on independent latents.
      settings: how they were found.
      advice: what to do where the solver did not converge, else empty.
      image_error: mean squared difference, in [-1, 1] units, of pictures redrawn from ``F S`` on
        held-out latents; None unless the method is ``"paper"``.
    """

    layer: int
    labels: Array
    masks: Array
    eigenvalues: Array
    coefficients: Array = field(repr=False)
    isolated: Array = field(repr=False)
    residual: float
    held_out_residual: float
    settings: DiscoverySettings
    advice: str = ""
    image_error: float | None = None

    @property
    def num_subspaces(self) -> int:
        """R."""
        return int(self.masks.shape[0])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of channels of each subspace."""
        return tuple(int(size) for size in np.asarray(self.masks).sum(axis=1))


def discover_subspaces(
    generator: SplitGenerator,
    params: Any,
    *,
    layer: int,
    num_subspaces: int | None,
    key: Key,
    num_samples: int = 4096,
    num_held_out: int | None = None,
    batch_size: int = 64,
    method: str = "ridge",
    mu: float | Literal["held_out"] | None = None,
    keep_mass: float | None = None,
    rank: int | None = None,
    affinity_power: float = 1.0,
    num_restarts: int = 100,
    precision: Precision = "float64",
    relation: Relation = "self_expression",
    paper: PaperOptions | None = None,
    on_progress: Progress | None = None,
) -> Subspaces:
    """Partition the channels at ``layer`` into subspaces that express themselves (equation 4 or 6).

    `feature_gram`, `self_expression`, `affinity` and `spectral_clustering` in turn; the held-out
    residual is taken on the Gram matrix of latents drawn independently.

    Args:
      generator: the generator.
      params: its weights.
      layer: the cut, 0 to ``generator.spec.num_layers - 1``.
      num_subspaces: R, 1 to the number of channels at ``layer``; None chooses it by the largest gap
        of the spectrum, see `choose_num_clusters`.
      key: a jax random key; every random choice is derived from it.
      num_samples: latents to find the coefficients on.
      num_held_out: latents to measure them on; None is a quarter of ``num_samples``.
      batch_size: latents a step, see `feature_gram`.
      method: the solver, see `self_expression`, or ``"paper"``, see `paper_expression`.
      mu: its penalty; None is its default, ``"held_out"`` the choice of `choose_mu` (for
        ``"paper"`` that of the lasso, which leaves the pictures out).
      keep_mass: see `affinity`.
      rank: see `affinity`.
      affinity_power: see `affinity`.
      num_restarts: k-means starts, see `spectral_clustering`.
      precision: of the solver, see `self_expression`.
      relation: what relates two channels: their coefficients (equation 4), or one of
        `relation_affinity`, which leave the coefficients as diagnostics.
      paper: image weight and length of the search, only for the method ``"paper"``.
      on_progress: called as ``on_progress(done, total)`` in latents, over both Gram matrices and
        what the method ``"paper"`` draws.

    Raises:
      InputError: no such layer, more subspaces than channels, features that are constant, zero or
        not finite, or an argument out of its range.
    """
    channels = generator.spec.feature_shape(layer)[-1]
    # Checked before minutes are spent on the Gram matrices.
    if num_subspaces is not None:
        num_subspaces = cluster_count(
            num_subspaces, channels, "num_subspaces", f"channels at layer {layer}"
        )
    num_samples = positive_int(num_samples, "num_samples")
    if num_held_out is None:
        num_held_out = -(-num_samples // 4)
    num_held_out = positive_int(num_held_out, "num_held_out")
    check_method(method)
    if paper is not None and method != PAPER:
        raise InputError(f"the options of 'paper' do nothing for method {method!r}: leave them out")
    check_precision(precision)
    refined = keep_mass is not None or rank is not None or affinity_power != 1.0
    check_relation(relation, refined=refined)
    options = paper or PaperOptions()
    total = num_samples + num_held_out + (latents_drawn(options) if method == PAPER else 0)
    if mu is not None and mu != "held_out":
        mu = check_mu(mu)

    def progress(before: int) -> Progress | None:
        return on_progress and (lambda done, _: on_progress(before + done, total))

    def gram(stream: int, count: int, before: int) -> Array:
        return feature_gram(
            generator,
            params,
            layer=layer,
            key=jax.random.fold_in(key, stream),
            num_samples=count,
            batch_size=batch_size,
            on_progress=progress(before),
        )

    train_gram = gram(_TRAIN_STREAM, num_samples, 0)
    held_out_gram = gram(_HELD_OUT_STREAM, num_held_out, num_samples)
    if mu == "held_out":
        of_gram = "lasso" if method == PAPER else method
        mu = choose_mu(train_gram, held_out_gram, method=of_gram, precision=precision).chosen
    if method == PAPER:
        expression = paper_expression(
            generator,
            params,
            train_gram,
            layer=layer,
            key=jax.random.fold_in(key, _PAPER_STREAM),
            mu=mu,
            options=options,
            precision=precision,
            on_progress=progress(num_samples + num_held_out),
        )
        used = replace(options, image_weight=expression.image_weight)
    else:
        expression = self_expression(train_gram, method=method, mu=mu, precision=precision)
        used = None
    if relation == "self_expression":
        related = affinity(
            expression.coefficients, keep_mass=keep_mass, rank=rank, affinity_power=affinity_power
        )
    else:
        related = relation_affinity(
            relation,
            generator,
            params,
            train_gram,
            layer=layer,
            gram_key=jax.random.fold_in(key, _TRAIN_STREAM),
            num_samples=num_samples,
            batch_size=batch_size,
            effect_key=jax.random.fold_in(key, _EFFECT_STREAM),
        )
    clusters = spectral_clustering_details(
        related,
        num_subspaces,
        key=jax.random.fold_in(key, _CLUSTERING_STREAM),
        num_restarts=num_restarts,
    )
    return Subspaces(
        layer=layer,
        labels=clusters.labels,
        masks=masks_from_labels(clusters.labels, clusters.num_clusters),
        eigenvalues=clusters.eigenvalues,
        coefficients=expression.coefficients,
        isolated=clusters.isolated,
        residual=expression.residual,
        held_out_residual=residual(held_out_gram, expression.coefficients),
        advice=expression.advice,
        image_error=expression.image_error,
        settings=DiscoverySettings(
            generator=generator.spec.name,
            num_samples=num_samples,
            num_held_out=num_held_out,
            batch_size=batch_size,
            method=method,
            mu=expression.mu,
            keep_mass=keep_mass,
            rank=rank,
            affinity_power=affinity_power,
            num_restarts=num_restarts,
            precision=precision,
            paper=used,
            relation=relation,
        ),
    )
