"""Discovery of channel subspaces: arrays in, subspaces with their diagnostics out.

The steps of the method, each usable alone:

    feature_gram -> self_expression -> affinity -> spectral_clustering

and `discover_subspaces`, which runs them all. Nothing here knows a network or a file.
"""

from pmsfc_jax.subspace.channel_effects import channel_effects
from pmsfc_jax.subspace.discover import check_question, discover_subspaces
from pmsfc_jax.subspace.features import feature_gram, feature_mean
from pmsfc_jax.subspace.methods import ElasticNet, Lasso, Paper, Ridge
from pmsfc_jax.subspace.numerics.affinity import affinity
from pmsfc_jax.subspace.numerics.agreement import adjusted_rand_index
from pmsfc_jax.subspace.numerics.eigengap import choose_num_clusters
from pmsfc_jax.subspace.numerics.kmeans import KMeansResult, kmeans
from pmsfc_jax.subspace.numerics.likeness import (
    correlation_affinity,
    cosine_affinity,
    place_affinity,
)
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
from pmsfc_jax.subspace.relations import ByCoefficients, ByCorrelation, ByCosine, ByEffect
from pmsfc_jax.subspace.settings import Clustering, DiscoverySettings, Latents
from pmsfc_jax.subspace.subspaces import (
    Discovery,
    Subspaces,
    check_subspaces,
    random_subspaces,
    subspaces_from_labels,
)

__all__ = [
    "ByCoefficients",
    "ByCorrelation",
    "ByCosine",
    "ByEffect",
    "Clustering",
    "Discovery",
    "DiscoverySettings",
    "ElasticNet",
    "KMeansResult",
    "Lasso",
    "Latents",
    "MuPath",
    "Paper",
    "PaperOptions",
    "Ridge",
    "SelfExpressionResult",
    "SpectralResult",
    "Subspaces",
    "adjusted_rand_index",
    "affinity",
    "channel_effects",
    "check_question",
    "check_subspaces",
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
    "random_subspaces",
    "residual",
    "self_expression",
    "spectral_clustering",
    "spectral_clustering_details",
    "subspaces_from_labels",
]
