"""Discovery of channel subspaces: arrays in, subspaces with their diagnostics out.

The steps of the method, each usable alone:

    feature_gram -> self_expression -> affinity -> spectral_clustering -> masks_from_labels

and `discover_subspaces`, which runs them all. Nothing here knows a network or a file.
"""

from pmsfc_jax.subspace.affinity import affinity, cosine_affinity
from pmsfc_jax.subspace.agreement import adjusted_rand_index
from pmsfc_jax.subspace.discover import DiscoverySettings, Subspaces, discover_subspaces
from pmsfc_jax.subspace.eigengap import choose_num_clusters
from pmsfc_jax.subspace.gram import feature_gram
from pmsfc_jax.subspace.kmeans import KMeansResult, kmeans
from pmsfc_jax.subspace.masks import check_masks, masks_from_labels, random_partition
from pmsfc_jax.subspace.path import MuPath, choose_mu
from pmsfc_jax.subspace.self_expression import SelfExpressionResult, residual, self_expression
from pmsfc_jax.subspace.spectral import (
    SpectralResult,
    spectral_clustering,
    spectral_clustering_details,
)

__all__ = [
    "DiscoverySettings",
    "KMeansResult",
    "MuPath",
    "SelfExpressionResult",
    "SpectralResult",
    "Subspaces",
    "adjusted_rand_index",
    "affinity",
    "check_masks",
    "choose_mu",
    "choose_num_clusters",
    "cosine_affinity",
    "discover_subspaces",
    "feature_gram",
    "kmeans",
    "masks_from_labels",
    "random_partition",
    "residual",
    "self_expression",
    "spectral_clustering",
    "spectral_clustering_details",
]
