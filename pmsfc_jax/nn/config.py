"""From a manifest's plain values back to a family's configuration."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from pmsfc_jax.core.errors import InputError

Config = TypeVar("Config")


def config_from(kind: type[Config], given: Mapping[str, Any], what: str) -> Config:
    """Make the dataclass ``kind`` of named values; ``what`` begins the message if that fails.

    Raises:
      InputError: a field is unknown or missing (all are listed), or ``kind`` refuses a value.
    """
    known = fields(kind)  # type: ignore[arg-type]
    unknown = sorted(set(given) - {field.name for field in known})
    missing = sorted(
        field.name
        for field in known
        if field.default is MISSING and field.default_factory is MISSING and field.name not in given
    )
    if unknown or missing:
        raise InputError(f"{what} has unknown fields {unknown}, lacks {missing}")
    return kind(**given)
