"""Discovery of channel subspaces: arrays in, subspaces with their diagnostics out.

The steps of the method, each usable alone:

    feature_gram -> self_expression -> affinity -> spectral_clustering

and `discover_subspaces`, which runs them all. Nothing here knows a network or a file.
"""

from pmsfc_jax.subspace.correlation import correlation_affinity, feature_mean
from pmsfc_jax.subspace.discover import DiscoverySettings, Subspaces, discover_subspaces
from pmsfc_jax.subspace.gram import feature_gram
from pmsfc_jax.subspace.numerics.affinity import affinity, cosine_affinity
from pmsfc_jax.subspace.numerics.agreement import adjusted_rand_index
from pmsfc_jax.subspace.numerics.eigengap import choose_num_clusters
from pmsfc_jax.subspace.numerics.kmeans import KMeansResult, kmeans
from pmsfc_jax.subspace.numerics.path import MuPath, choose_mu
from pmsfc_jax.subspace.numerics.self_expression import (
    SelfExpressionResult,
    residual,
    self_expression,
)
from pmsfc_jax.subspace.numerics.spectral import (
    SpectralResult,
    spectral_clustering,
    spectral_clustering_details,
)
from pmsfc_jax.subspace.paper.expression import paper_expression
from pmsfc_jax.subspace.paper.options import PaperOptions
from pmsfc_jax.subspace.sensitivity import channel_effects, place_affinity

__all__ = [
    "DiscoverySettings",
    "KMeansResult",
    "MuPath",
    "PaperOptions",
    "SelfExpressionResult",
    "SpectralResult",
    "Subspaces",
    "adjusted_rand_index",
    "affinity",
    "channel_effects",
    "choose_mu",
    "choose_num_clusters",
    "correlation_affinity",
    "cosine_affinity",
    "discover_subspaces",
    "feature_gram",
    "feature_mean",
    "kmeans",
    "paper_expression",
    "place_affinity",
    "residual",
    "self_expression",
    "spectral_clustering",
    "spectral_clustering_details",
]
