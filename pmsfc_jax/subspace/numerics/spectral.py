"""Spectral clustering of channels.

Ng, Jordan and Weiss: On Spectral Clustering: Analysis and an Algorithm, NIPS 2002. With the
degrees ``D`` of the affinity ``A`` (its diagonal set to zero, as in the paper), the eigenvectors of
the largest eigenvalues of ``D^-1/2 A D^-1/2`` are the columns of ``[C, R]``; its rows, scaled to
unit length, are clustered by k-means.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.masks import canonical_labels
from pmsfc_jax.core.typing import Array, Key
from pmsfc_jax.subspace.numerics.checks import cluster_count, symmetric_matrix
from pmsfc_jax.subspace.numerics.eigengap import choose_num_clusters
from pmsfc_jax.subspace.numerics.kmeans import KMeansResult, kmeans
from pmsfc_jax.subspace.numerics.pivoted_qr import pivoted_qr_labels
from pmsfc_jax.subspace.numerics.precision import like_input

#: K-means starts at most, and how often the best clustering has to be found among them.
NUM_RESTARTS, ENOUGH = 400, 10
# A channel whose degree is below this share of the largest one is isolated: what is left of its
# affinities is rounding, and dividing by the root of its degree would blow that up.
ISOLATED_DEGREE = 1e-10


class SpectralResult(NamedTuple):
    """A clustering and what it was decided on.

    Attributes:
      labels: ``[C]`` int32 in 0..R-1, numbered by first appearance.
      eigenvalues: ``[C]`` of the normalised affinity, largest first, at most 1; 0 for isolated
        channels.
      embedding: ``[C, R]``, the unit rows given to k-means; zero for isolated channels.
      inertia: of the best restart on the rows that are not isolated.
      isolated: ``[C]`` bool.
      num_restarts: how many k-means starts were made.
      times_found: how many of them ended at ``inertia``.
      advice: what to think where that was not often enough, else empty.
    """

    labels: Array
    eigenvalues: Array
    embedding: Array
    inertia: float
    isolated: Array
    num_restarts: int
    times_found: int
    advice: str

    @property
    def num_clusters(self) -> int:
        """R, as given or as chosen by the eigengap."""
        return int(self.embedding.shape[1])


def spectral_clustering(
    affinity: ArrayLike,
    num_clusters: int | None,
    *,
    key: Key,
    num_restarts: int = NUM_RESTARTS,
    enough: int = ENOUGH,
) -> Array:
    """Labels ``[C]`` of the channels, int32 in 0..R-1; see `spectral_clustering_details`."""
    return spectral_clustering_details(
        affinity, num_clusters, key=key, num_restarts=num_restarts, enough=enough
    ).labels


def spectral_clustering_details(
    affinity: ArrayLike,
    num_clusters: int | None,
    *,
    key: Key,
    num_restarts: int = NUM_RESTARTS,
    enough: int = ENOUGH,
) -> SpectralResult:
    """Cluster channels by an affinity, and return the spectrum and the embedding as well.

    Labels are numbered in the order in which clusters first appear, so equal partitions have equal
    labels. An isolated channel, one without affinity to any other (dead units are), has no place in
    the embedding: it takes no part in the eigenproblem or in k-means and joins the largest cluster,
    where it counts least. Runs in float64 on the host.

    K-means starts once from the assignment of `pivoted_qr_labels`, which needs no random choice,
    and otherwise from k-means++, until the best clustering was found several times.

    Args:
      affinity: A, ``[C, C]``, symmetric, not negative; its diagonal is ignored.
      num_clusters: R, 1 to the number of channels that are not isolated; None chooses it by the
        largest gap of ``eigenvalues``, see `choose_num_clusters`.
      key: a jax random key.
      num_restarts: k-means starts at most, at least 1.
      enough: how often the best clustering has to be found, at least 1.

    Raises:
      InputError: an affinity that is not square, finite, symmetric and nonnegative, or with fewer
        related channels than clusters (than three, where R is to be chosen); a count below 1.
    """
    matrix = symmetric_matrix(affinity, "affinity matrix")
    if np.any(matrix < 0):
        raise InputError(
            "the affinity matrix has negative entries: pass coefficients through affinity() first"
        )
    np.fill_diagonal(matrix, 0)
    degrees = matrix.sum(axis=1)
    related = degrees > ISOLATED_DEGREE * degrees.max()
    num_channels = matrix.shape[0]
    num_related = int(related.sum())
    if num_clusters is not None:
        num_clusters = cluster_count(num_clusters, num_channels, "num_clusters", "channels")
        cluster_count(num_clusters, num_related, "num_clusters", "channels related to any other")
    elif num_related < 3:
        raise InputError(
            f"there are only {num_related} channels related to any other, too few to choose "
            "num_clusters from their spectrum: give num_clusters, or another layer"
        )

    spectrum, vectors = _spectrum(matrix[np.ix_(related, related)])
    if num_clusters is None:
        num_clusters, _ = choose_num_clusters(spectrum)
    leading = vectors[:, :num_clusters]
    rows = _unit_rows(leading)
    result = kmeans(
        rows,
        num_clusters,
        key=key,
        starts=_starts(leading),
        num_restarts=num_restarts,
        enough=enough,
    )
    members = result.labels

    labels = np.full(num_channels, np.bincount(members, minlength=num_clusters).argmax(), np.int32)
    labels[related] = members
    eigenvalues = np.zeros(num_channels)
    eigenvalues[: spectrum.size] = spectrum
    embedding = np.zeros((num_channels, num_clusters))
    embedding[related] = rows
    return SpectralResult(
        labels=jnp.asarray(canonical_labels(labels)),
        eigenvalues=like_input(np.sort(eigenvalues)[::-1], affinity),
        embedding=like_input(embedding, affinity),
        inertia=result.inertia,
        isolated=jnp.asarray(~related),
        num_restarts=len(result.restart_inertias),
        times_found=result.times_found,
        advice=_advice(result, num_clusters, enough),
    )


def _spectrum(affinity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues ``[C]``, largest first, and their eigenvectors ``[C, C]``; degrees positive."""
    scale = 1 / np.sqrt(affinity.sum(axis=1))
    eigenvalues, eigenvectors = np.linalg.eigh(affinity * scale[:, None] * scale[None, :])
    return eigenvalues[::-1], eigenvectors[:, ::-1]


def _starts(leading: np.ndarray) -> list[np.ndarray]:
    """The start that needs no random choice, where it names every cluster."""
    labels = pivoted_qr_labels(leading)
    return [labels] if np.unique(labels).size == leading.shape[1] else []


def _advice(result: KMeansResult, num_clusters: int, enough: int) -> str:
    """What to think of a clustering that was not found often."""
    made = len(result.restart_inertias)
    if result.times_found >= min(enough, made):
        return ""
    return (
        f"the best clustering into {num_clusters} was found {result.times_found} times in {made} "
        "k-means starts: another seed may find another one; give another num_subspaces, or more "
        "num_restarts"
    )


def _unit_rows(vectors: np.ndarray) -> np.ndarray:
    """The rows of ``[C, R]``, scaled to unit length where they are not zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)
