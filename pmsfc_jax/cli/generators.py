"""Load the generator that a command is given, with what is chosen anew of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pmsfc_jax.api import SplitGenerator, load_generator
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.io.runs import RunFolder
from pmsfc_jax.registry import FAMILIES
from pmsfc_jax.weights.layouts.options import parse_options

#: Under what a run's record keeps what was chosen anew.
RECORDED = "generator_settings"


def chosen_settings(assignments: Sequence[Sequence[str]]) -> dict[str, Any]:
    """What ``--generator-set`` chooses, by field; of a field that is set twice, the last.

    Raises:
      InputError: it is no ``field=value``, or there is no such field or value.

    """
    texts = [text for several in assignments for text in several]
    known = sorted({field for family in FAMILIES.values() for field in family.settings})
    for text in texts:
        if text.partition("=")[0] not in known:
            raise InputError(
                f"--generator-set {text} chooses nothing: write field=value with one of "
                f"{', '.join(known)}"
            )
    try:
        return parse_options(texts)
    except InputError as error:
        raise InputError(f"--generator-set: {error}") from error


def load_asked(
    name: str, assignments: Sequence[Sequence[str]], weights_dir: Path | None
) -> tuple[SplitGenerator, Params]:
    """Load a generator with what ``--generator-set`` chooses.

    Raises:
      InputError: as of `chosen_settings` and `load_chosen`.

    """
    return load_chosen(name, chosen_settings(assignments), weights_dir)


def load_chosen(
    name: str, settings: Mapping[str, Any], weights_dir: Path | None
) -> tuple[SplitGenerator, Params]:
    """Load a generator with ``settings`` chosen anew.

    Raises:
      InputError: there are no such weights, or they have no such settings.

    """
    try:
        return load_generator(name, weights_dir=weights_dir, settings=settings)
    except InputError as error:
        if not settings:
            raise
        asked = " ".join(f"{field}={value}" for field, value in settings.items())
        raise InputError(f"{error} (with --generator-set {asked})") from error


def recorded_settings(*folders: Path) -> dict[str, Any]:
    """What was chosen anew of the generator of a run.

    Args:
      folders: the first that is of a run counts.

    Raises:
      InputError: its record is damaged.

    """
    for folder in folders:
        if (folder / "config.json").is_file():
            return dict(RunFolder(folder).settings().get(RECORDED) or {})
    return {}
