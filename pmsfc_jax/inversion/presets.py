"""Named sets of settings, and what the methods need, for those who want a result, not a study."""

from typing import Any

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.config import InversionConfig

_FULL = {"method": "pmsfc_full", "optimiser": "lbfgs"}
#: Fields of `InversionConfig` that a preset sets; all others have their defaults. docs/methods.md
#: has what each was measured to give.
PRESETS: dict[str, dict[str, Any]] = {
    "fast": _FULL | {"num_steps": 60},
    "default": _FULL | {"num_steps": 150},
    "best": _FULL | {"num_steps": 300},
}
#: Fields whose default is another one for a method.
METHOD_DEFAULTS: dict[str, dict[str, Any]] = {
    "mganprior": {"codes_per_subspace": 16},
    "single": {"codes_per_subspace": 1},
    "released": {"pixel_weight": 0.01, "base_weight": 1.0},
}


def settings_of(preset: str, given: dict[str, Any]) -> dict[str, Any]:
    """Fields of `InversionConfig`: those ``given``, then the preset's, then the method's.

    A preset's number of codes is that of its own method, and left out for another.

    Raises:
      InputError: there is no such preset.

    """
    if preset not in PRESETS:
        raise InputError(f"there is no preset {preset!r}: choose one of {', '.join(PRESETS)}")
    chosen = dict(PRESETS[preset])
    if given.get("method", chosen.get("method")) != chosen.get("method"):
        chosen = {n: v for n, v in chosen.items() if n not in ("method", "codes_per_subspace")}
    method = given.get("method", chosen.get("method", "pmsfc"))
    return METHOD_DEFAULTS.get(method, {}) | chosen | given


def preset(name: str = "default", **fields: Any) -> InversionConfig:
    """The settings that ``pmsfc invert --preset NAME`` has, with ``fields`` of one's own.

    Raises:
      InputError: there is no such preset, or a value is impossible.

    """
    return InversionConfig(**settings_of(name, fields))
