"""Named sets of settings, and settings by plain names, for those who want a result, not a study."""

import dataclasses
from typing import Any

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.config import InversionConfig, Objective
from pmsfc_jax.inversion.solvers import SOLVERS, solver_settings
from pmsfc_jax.inversion.until import Until

#: What a preset sets; all else has its default. docs/methods.md has what each was measured to give.
PRESETS: dict[str, dict[str, Any]] = {
    "fast": {"num_steps": 60},
    "default": {"num_steps": 150},
    "best": {"num_steps": 300},
}


def _names(kind: Any) -> frozenset[str]:
    return frozenset(entry.name for entry in dataclasses.fields(kind) if entry.init)


_OBJECTIVE = _names(Objective)
_UNTIL = {f"until_{name}": name for name in _names(Until)}
_SOLVERS = {name: _names(kind) for name, kind in SOLVERS.items()}
_OF_ANY_SOLVER = frozenset().union(*_SOLVERS.values())


def takes(optimiser: str, setting: str) -> bool:
    """Whether a setting is one of an inversion with this solver.

    Raises:
      InputError: there is no such solver.

    """
    solver_settings(optimiser)
    return setting not in _OF_ANY_SOLVER or setting in _SOLVERS[optimiser]


def preset(name: str = "default", **settings: Any) -> InversionConfig:
    """The settings that ``pmsfc invert --preset NAME`` has, with others by their plain names.

    Args:
      name: ``fast``, ``default`` or ``best``.
      settings: fields of `InversionConfig`, of `Objective`, of the chosen solver, and
        ``optimiser``, the solver's name: ``preset(optimiser="adam", learning_rate=0.1)``; those of
        `Until` as ``until_psnr``, ``until_fall``, ``until_window``.

    Raises:
      InputError: there is no such preset or setting, a setting is not one of the chosen solver, or
        a value is impossible.

    """
    if name not in PRESETS:
        raise InputError(f"there is no preset {name!r}: choose one of {', '.join(PRESETS)}")
    given = PRESETS[name] | settings
    composition = composition_of(given.get("composition", InversionConfig.composition))
    optimiser = given.pop("optimiser", "lbfgs")
    kind, owned = solver_settings(optimiser), {}
    for setting in _OF_ANY_SOLVER & given.keys():
        if not takes(optimiser, setting):
            owners = [solver for solver, names in _SOLVERS.items() if setting in names]
            raise InputError(
                f"{setting} is a setting of {', '.join(owners)}, not of {optimiser}: leave it out, "
                "or choose another optimiser"
            )
        owned[setting] = given.pop(setting)
    _check_once(given, "solver", owned)
    given.setdefault("solver", kind(**owned))
    objective = {setting: given.pop(setting) for setting in _OBJECTIVE & given.keys()}
    _check_once(given, "objective", objective)
    given.setdefault("objective", Objective(**(dict(composition.objective) | objective)))
    until = {_UNTIL[setting]: given.pop(setting) for setting in _UNTIL.keys() & given.keys()}
    _check_once(given, "until", until)
    if until:
        given["until"] = Until(**until)
    unknown = given.keys() - _names(InversionConfig)
    if unknown:
        raise InputError(f"there is no setting {', '.join(sorted(unknown))} of an inversion")
    return InversionConfig(**given)


def _check_once(given: dict[str, Any], whole: str, parts: dict[str, Any]) -> None:
    if whole in given and parts:
        raise InputError(f"{whole} and {', '.join(sorted(parts))} are both given: give one of them")
