"""Spectral clustering of channels.

Ng, Jordan and Weiss: On Spectral Clustering: Analysis and an Algorithm, NIPS 2002. With the
degrees ``D`` of the affinity ``A`` (its diagonal set to zero, as in the paper), the eigenvectors of
the largest eigenvalues of ``D^-1/2 A D^-1/2`` are the columns of ``[C, R]``; its rows, scaled to
unit length, are clustered by k-means.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.masks import canonical_labels
from pmsfc_jax.core.typing import Array, Key
from pmsfc_jax.subspace.numerics.checks import cluster_count, symmetric_matrix
from pmsfc_jax.subspace.numerics.eigengap import choose_num_clusters
from pmsfc_jax.subspace.numerics.kmeans import kmeans
from pmsfc_jax.subspace.numerics.precision import host_float64, like_input, on_host

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
    """

    labels: Array
    eigenvalues: Array
    embedding: Array
    inertia: float
    isolated: Array

    @property
    def num_clusters(self) -> int:
        """R, as given or as chosen by the eigengap."""
        return int(self.embedding.shape[1])


def spectral_clustering(
    affinity: ArrayLike, num_clusters: int | None, *, key: Key, num_restarts: int = 100
) -> Array:
    """Labels ``[C]`` of the channels, int32 in 0..R-1; see `spectral_clustering_details`."""
    return spectral_clustering_details(
        affinity, num_clusters, key=key, num_restarts=num_restarts
    ).labels


def spectral_clustering_details(
    affinity: ArrayLike, num_clusters: int | None, *, key: Key, num_restarts: int = 100
) -> SpectralResult:
    """Cluster channels by an affinity, and return the spectrum and the embedding as well.

    Labels are numbered in the order in which clusters first appear, so equal partitions have equal
    labels. An isolated channel, one without affinity to any other (dead units are), has no place in
    the embedding: it takes no part in the eigenproblem or in k-means and joins the largest cluster,
    where it counts least. Runs in float64 on the host.

    Args:
      affinity: A, ``[C, C]``, symmetric, not negative; its diagonal is ignored.
      num_clusters: R, 1 to the number of channels that are not isolated; None chooses it by the
        largest gap of ``eigenvalues``, see `choose_num_clusters`.
      key: a jax random key.
      num_restarts: k-means starts, at least 1.

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

    with host_float64():
        spectrum, vectors = map(
            np.asarray, _spectrum(jnp.asarray(matrix[np.ix_(related, related)]))
        )
        if num_clusters is None:
            num_clusters, _ = choose_num_clusters(spectrum)
        rows = _unit_rows(vectors[:, :num_clusters])
        result = kmeans(rows, num_clusters, key=on_host(key), num_restarts=num_restarts)
        members, inertia = np.asarray(result.labels), float(result.inertia)

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
        inertia=inertia,
        isolated=jnp.asarray(~related),
    )


@jax.jit
def _spectrum(affinity: Array) -> tuple[Array, Array]:
    """Eigenvalues ``[C]``, largest first, and their eigenvectors ``[C, C]``; degrees positive."""
    scale = jax.lax.rsqrt(jnp.sum(affinity, axis=1))
    normalised = affinity * scale[:, None] * scale[None, :]
    eigenvalues, eigenvectors = jnp.linalg.eigh(normalised)
    return eigenvalues[::-1], eigenvectors[:, ::-1]


def _unit_rows(vectors: np.ndarray) -> np.ndarray:
    """The rows of ``[C, R]``, scaled to unit length where they are not zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)
