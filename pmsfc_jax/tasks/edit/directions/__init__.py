"""Directions along which pictures are moved: in latent codes, or in features at the cut.

`find` has the ways to find them: principal components, the closed form of SeFa, boundaries between
labels. `directions` is what they are, `walk` goes along them.
"""

from pmsfc_jax.tasks.edit.directions.boundary import Boundary, held_out_accuracy, linear_boundary
from pmsfc_jax.tasks.edit.directions.components import (
    Components,
    closed_form,
    principal_components,
)
from pmsfc_jax.tasks.edit.directions.directions import (
    Directions,
    check_directions,
    conditioned,
)
from pmsfc_jax.tasks.edit.directions.find import (
    feature_boundaries,
    feature_closed_form,
    feature_components,
    latent_boundaries,
    latent_closed_form,
    latent_components,
)
from pmsfc_jax.tasks.edit.directions.walk import (
    keeps_density,
    walk_codes,
    walk_features,
    walk_samples,
)

__all__ = [
    "Boundary",
    "Components",
    "Directions",
    "check_directions",
    "closed_form",
    "conditioned",
    "feature_boundaries",
    "feature_closed_form",
    "feature_components",
    "held_out_accuracy",
    "keeps_density",
    "latent_boundaries",
    "latent_closed_form",
    "latent_components",
    "linear_boundary",
    "principal_components",
    "walk_codes",
    "walk_features",
    "walk_samples",
]
