"""High-fidelity GAN inversion on JAX by prior multi-subspace feature composition (PmSFC).

    import pmsfc_jax as pm

The names are those of `pmsfc_jax.api`, loaded when one is first used: importing the package imports
neither jax nor flax.
"""

from __future__ import annotations

from pmsfc_jax.version import __version__ as __version__

# Importing `typing` would take as long as the rest of the package takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pmsfc_jax.api import *  # noqa: F403


def __getattr__(name: str) -> Any:
    if name == "__all__" or not name.startswith("__"):
        import importlib

        api = importlib.import_module("pmsfc_jax.api")
        if name == "__all__" or name in api.__all__:
            return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    import importlib

    return sorted([*importlib.import_module("pmsfc_jax.api").__all__, "__version__"])
