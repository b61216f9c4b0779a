"""High-fidelity GAN inversion on JAX by prior multi-subspace feature composition (PmSFC).

    import pmsfc_jax as pm

Names are loaded when they are first used: importing the package imports neither jax nor flax.
"""

import importlib
from typing import TYPE_CHECKING, Any

from pmsfc_jax.version import __version__ as __version__

if TYPE_CHECKING:
    from pmsfc_jax.api import (
        Batch as Batch,
    )
    from pmsfc_jax.api import (
        InputError as InputError,
    )
    from pmsfc_jax.api import (
        InversionConfig as InversionConfig,
    )
    from pmsfc_jax.api import (
        InversionResult as InversionResult,
    )
    from pmsfc_jax.api import (
        PaperOptions as PaperOptions,
    )
    from pmsfc_jax.api import (
        Perceptual as Perceptual,
    )
    from pmsfc_jax.api import (
        Resume as Resume,
    )
    from pmsfc_jax.api import (
        SelfExpressionResult as SelfExpressionResult,
    )
    from pmsfc_jax.api import (
        Snapshot as Snapshot,
    )
    from pmsfc_jax.api import (
        SplitGenerator as SplitGenerator,
    )
    from pmsfc_jax.api import (
        Stopped as Stopped,
    )
    from pmsfc_jax.api import (
        Subspaces as Subspaces,
    )
    from pmsfc_jax.api import (
        affinity as affinity,
    )
    from pmsfc_jax.api import (
        beside_random as beside_random,
    )
    from pmsfc_jax.api import (
        choose_mu as choose_mu,
    )
    from pmsfc_jax.api import (
        convert_checkpoint as convert_checkpoint,
    )
    from pmsfc_jax.api import (
        discover_subspaces as discover_subspaces,
    )
    from pmsfc_jax.api import (
        exchange_grid as exchange_grid,
    )
    from pmsfc_jax.api import (
        feature_gram as feature_gram,
    )
    from pmsfc_jax.api import (
        invert as invert,
    )
    from pmsfc_jax.api import (
        load_generator as load_generator,
    )
    from pmsfc_jax.api import (
        load_images as load_images,
    )
    from pmsfc_jax.api import (
        load_perceptual as load_perceptual,
    )
    from pmsfc_jax.api import (
        load_subspaces as load_subspaces,
    )
    from pmsfc_jax.api import (
        paper_expression as paper_expression,
    )
    from pmsfc_jax.api import (
        plan_batches as plan_batches,
    )
    from pmsfc_jax.api import (
        preset as preset,
    )
    from pmsfc_jax.api import (
        random_subspaces as random_subspaces,
    )
    from pmsfc_jax.api import (
        render as render,
    )
    from pmsfc_jax.api import (
        save_subspaces as save_subspaces,
    )
    from pmsfc_jax.api import (
        self_expression as self_expression,
    )
    from pmsfc_jax.api import (
        spectral_clustering as spectral_clustering,
    )
    from pmsfc_jax.api import (
        subspace_effects as subspace_effects,
    )

__all__ = [
    "Batch",
    "InputError",
    "InversionConfig",
    "InversionResult",
    "PaperOptions",
    "Perceptual",
    "Resume",
    "SelfExpressionResult",
    "Snapshot",
    "SplitGenerator",
    "Stopped",
    "Subspaces",
    "__version__",
    "affinity",
    "beside_random",
    "choose_mu",
    "convert_checkpoint",
    "discover_subspaces",
    "exchange_grid",
    "feature_gram",
    "invert",
    "load_generator",
    "load_images",
    "load_perceptual",
    "load_subspaces",
    "paper_expression",
    "plan_batches",
    "preset",
    "random_subspaces",
    "render",
    "save_subspaces",
    "self_expression",
    "spectral_clustering",
    "subspace_effects",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("pmsfc_jax.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
