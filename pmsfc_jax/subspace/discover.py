"""The whole of discovery: from a generator to the subspaces of one of its layers."""

from dataclasses import replace
from typing import Any

import jax

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.masks import masks_from_labels
from pmsfc_jax.core.typing import Array, Key, Progress
from pmsfc_jax.subspace.features import FeatureSample, gram_of
from pmsfc_jax.subspace.methods import HELD_OUT, Method
from pmsfc_jax.subspace.numerics.checks import cluster_count
from pmsfc_jax.subspace.numerics.path import choose_mu
from pmsfc_jax.subspace.numerics.self_expression import residual
from pmsfc_jax.subspace.numerics.spectral import spectral_clustering_details
from pmsfc_jax.subspace.settings import DiscoverySettings
from pmsfc_jax.subspace.subspaces import Discovery, Subspaces

# Independent streams of one key, by `jax.random.fold_in`.
_TRAIN, _HELD_OUT, _CLUSTERING, _METHOD, _RELATION = range(5)


def discover_subspaces(
    generator: SplitGenerator,
    params: Any,
    *,
    layer: int,
    num_subspaces: int | None,
    key: Key,
    settings: DiscoverySettings | None = None,
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
      settings: which latents, solver, affinity and clustering; None is the defaults.
      on_progress: called as ``on_progress(done, total)`` in latents, over both Gram matrices and
        what the method `Paper` draws.

    Raises:
      InputError: no such layer, more subspaces than channels, or features that are constant, zero
        or not finite.
    """
    settings = settings or DiscoverySettings()
    # Checked before minutes are spent on the Gram matrices.
    cut, number = check_question(generator, layer, num_subspaces)
    streams = [jax.random.fold_in(key, stream) for stream in range(5)]
    latents, method = settings.latents, settings.method
    total = latents.num_samples + latents.held_out + method.latents_drawn

    def progress(before: int) -> Progress | None:
        return on_progress and (lambda done, _: on_progress(before + done, total))

    sample = FeatureSample(cut, params, streams[_TRAIN], latents.num_samples, latents.batch_size)
    others = sample._replace(key=streams[_HELD_OUT], num_samples=latents.held_out)
    gram = gram_of(sample, progress(0))
    held_out_gram = gram_of(others, progress(latents.num_samples))

    method = _with_penalty(method, gram, held_out_gram)
    expression = method.express(
        sample, gram, streams[_METHOD], progress(latents.num_samples + latents.held_out)
    )
    clusters = spectral_clustering_details(
        settings.relation.affinity(sample, gram, expression.coefficients, streams[_RELATION]),
        number,
        key=streams[_CLUSTERING],
        num_restarts=settings.clustering.num_restarts,
        enough=settings.clustering.enough,
    )
    return Subspaces(
        layer=layer,
        labels=clusters.labels,
        masks=masks_from_labels(clusters.labels, clusters.num_clusters),
        generator=generator.spec.name,
        identity=generator.spec.identity,
        discovery=Discovery(
            eigenvalues=clusters.eigenvalues,
            coefficients=expression.coefficients,
            isolated=clusters.isolated,
            residual=expression.residual,
            held_out_residual=residual(held_out_gram, expression.coefficients),
            settings=replace(settings, method=method.as_used(expression)),
            advice="; ".join(filter(None, (expression.advice, clusters.advice))),
            image_error=expression.image_error,
        ),
    )


def check_question(
    generator: SplitGenerator, layer: int, num_subspaces: int | None
) -> tuple[Cut, int | None]:
    """The cut, and R as an int.

    Raises:
      InputError: no such layer, or more subspaces than channels.
    """
    cut = Cut(generator, layer)
    if num_subspaces is None:
        return cut, None
    return cut, cluster_count(
        num_subspaces, cut.channels, "num_subspaces", f"channels at layer {layer}"
    )


def _with_penalty(method: Method, gram: Array, held_out_gram: Array) -> Method:
    """The method with its penalty chosen, where that is wished."""
    if method.mu != HELD_OUT:
        return method
    path = choose_mu(gram, held_out_gram, method=method.path, precision=method.precision)
    return replace(method, mu=path.chosen)
