"""Discovery of channel subspaces: arrays in, subspaces with their diagnostics out.

The steps of the method, each usable alone:

    feature_gram -> self_expression -> affinity -> spectral_clustering -> masks_from_labels

and `discover_subspaces`, which runs them all. Nothing here knows a network or a file.
"""

from pmsfc_jax.subspace.numerics.affinity import affinity, cosine_affinity
from pmsfc_jax.subspace.numerics.agreement import adjusted_rand_index
from pmsfc_jax.effects.comparison import beside_random
from pmsfc_jax.subspace.correlation import correlation_affinity, feature_mean
from pmsfc_jax.subspace.discover import DiscoverySettings, Subspaces, discover_subspaces
from pmsfc_jax.effects.subspace_effects import SubspaceEffects, subspace_effects
from pmsfc_jax.subspace.numerics.eigengap import choose_num_clusters
from pmsfc_jax.effects.exchange import exchange_grid
from pmsfc_jax.subspace.gram import feature_gram
from pmsfc_jax.subspace.numerics.kmeans import KMeansResult, kmeans
from pmsfc_jax.core.masks import check_masks, masks_from_labels, random_partition
from pmsfc_jax.subspace.paper.expression import paper_expression
from pmsfc_jax.subspace.paper.options import PaperOptions
from pmsfc_jax.subspace.numerics.path import MuPath, choose_mu
from pmsfc_jax.subspace.numerics.self_expression import SelfExpressionResult, residual, self_expression
from pmsfc_jax.subspace.sensitivity import channel_effects, place_affinity
from pmsfc_jax.subspace.numerics.spectral import (
    SpectralResult,
    spectral_clustering,
    spectral_clustering_details,
)

__all__ = [
    "DiscoverySettings",
    "KMeansResult",
    "MuPath",
    "PaperOptions",
    "SelfExpressionResult",
    "SpectralResult",
    "SubspaceEffects",
    "Subspaces",
    "adjusted_rand_index",
    "affinity",
    "beside_random",
    "channel_effects",
    "check_masks",
    "choose_mu",
    "choose_num_clusters",
    "correlation_affinity",
    "cosine_affinity",
    "discover_subspaces",
    "exchange_grid",
    "feature_gram",
    "feature_mean",
    "kmeans",
    "masks_from_labels",
    "paper_expression",
    "place_affinity",
    "random_partition",
    "residual",
    "self_expression",
    "spectral_clustering",
    "spectral_clustering_details",
    "subspace_effects",
]
