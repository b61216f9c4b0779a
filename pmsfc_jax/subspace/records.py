"""Subspaces as named arrays and plain facts, as they stand in a file."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.masks import check_masks
from pmsfc_jax.subspace.settings import settings_from_record
from pmsfc_jax.subspace.subspaces import Discovery, Subspaces

#: The newest format of the facts. In format 1 there was no identity, and settings lay side by side.
FORMAT = 2

_PARTITION = ("labels", "masks")
_FOUND = ("eigenvalues", "coefficients", "isolated")


def record_of(subspaces: Subspaces) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays by name, and facts that JSON can hold."""
    arrays = {name: np.asarray(getattr(subspaces, name)) for name in _PARTITION}
    facts: dict[str, Any] = {
        "format": FORMAT,
        "layer": subspaces.layer,
        "generator": subspaces.generator,
        "identity": subspaces.identity,
    }
    found = subspaces.discovery
    if found is not None:
        arrays |= {name: np.asarray(getattr(found, name)) for name in _FOUND}
        facts |= {
            "residual": float(found.residual),
            "held_out_residual": float(found.held_out_residual),
            "advice": found.advice,
            "image_error": None if found.image_error is None else float(found.image_error),
            "settings": found.settings.as_record(),
        }
    return arrays, facts


def subspaces_from_record(arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> Subspaces:
    """What `record_of` gave, in this or an earlier format.

    Raises:
      InputError: a part is missing, or the masks are no partition.
    """
    try:
        settings = facts.get("settings")
        discovery = None
        if settings is not None:
            discovery = Discovery(
                **{name: jnp.asarray(arrays[name]) for name in _FOUND},
                residual=facts["residual"],
                held_out_residual=facts["held_out_residual"],
                settings=settings_from_record(settings),
                advice=facts.get("advice", ""),
                image_error=facts.get("image_error"),
            )
        return Subspaces(
            layer=int(facts["layer"]),
            labels=jnp.asarray(arrays["labels"]),
            masks=check_masks(arrays["masks"]),
            generator=facts.get("generator") or (settings or {}).get("generator", ""),
            identity=facts.get("identity", ""),
            discovery=discovery,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError("it lacks a part of the subspaces") from error
