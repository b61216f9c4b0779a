"""Compositions by name. A new one is a file here and a line below; nothing else names them."""

from types import ModuleType

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.compositions import (
    mganprior,
    mganprior_published,
    pmsfc,
    pmsfc_full,
    pmsfc_linear,
    released,
    single,
)
from pmsfc_jax.inversion.compositions.composition import Composition

__all__ = ["COMPOSITIONS", "Composition", "composition_of"]

_FILES: tuple[ModuleType, ...] = (
    pmsfc,
    pmsfc_linear,
    pmsfc_full,
    mganprior,
    mganprior_published,
    single,
    released,
)
COMPOSITIONS: dict[str, Composition] = {file.COMPOSITION.name: file.COMPOSITION for file in _FILES}


def composition_of(name: str) -> Composition:
    """The composition of this name.

    Raises:
      InputError: there is none.

    """
    if name not in COMPOSITIONS:
        raise InputError(
            f"there is no composition {name!r}: choose one of {', '.join(COMPOSITIONS)}"
        )
    return COMPOSITIONS[name]
