"""Where converted weights are looked for, and by which name."""

import difflib
import os
from pathlib import Path

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.store.manifest import MANIFEST_FILE
from pmsfc_jax.weights.store.placing import settled

#: Environment variable with further folders, separated as in PATH.
WEIGHTS_VARIABLE = "PMSFC_WEIGHTS"
FOLDER = "ported_weights"

_PACKAGE = Path(__file__).resolve().parents[2]


def search_path(weights_dir: str | os.PathLike[str] | None = None) -> list[Path]:
    """Folders that hold folders of weights, in the order in which they are searched.

    ``weights_dir``, then each entry of PMSFC_WEIGHTS, then ``ported_weights`` in the current
    folder, in the installed package, and beside the package in a checkout of the repository.
    """
    listed = os.environ.get(WEIGHTS_VARIABLE, "").split(os.pathsep)
    places = [] if weights_dir is None else [Path(weights_dir)]
    places += [Path(entry) for entry in listed if entry]
    places += [Path(FOLDER), _PACKAGE / FOLDER]
    if (_PACKAGE.parent / "pyproject.toml").is_file():
        places.append(_PACKAGE.parent / FOLDER)
    # The current folder may be the checkout.
    return list(dict.fromkeys(place.expanduser().absolute() for place in places))


def default_weights_dir() -> Path:
    """Where new weights go: the first of PMSFC_WEIGHTS, else ``ported_weights`` right here."""
    return search_path()[0]


def find_weights(
    name_or_path: str | os.PathLike[str], weights_dir: str | os.PathLike[str] | None = None
) -> Path:
    """Find the folder of converted weights that is meant.

    Args:
      name_or_path: the folder itself, or a name that is looked for in `search_path`.
      weights_dir: searched before all other places.

    Raises:
      InputError: nothing of that name; the message lists where was searched and what there is.

    """
    path = Path(name_or_path).expanduser()
    if _is_weights(path):
        return path.absolute()
    if not isinstance(name_or_path, str) or path.name != name_or_path:
        raise InputError(
            f"{path} is not a folder of converted weights (it has no {MANIFEST_FILE}); "
            "give a folder that `pmsfc convert` wrote, or a name"
        )
    places = search_path(weights_dir)
    for place in places:
        if _is_weights(place / path):
            return place / path
    names = list(available_weights(weights_dir))
    close = difflib.get_close_matches(path.name, names, n=3)
    searched = ", ".join(map(str, places))
    raise InputError(
        f"no weights called {path.name!r} in {searched}; "
        + (f"did you mean {' or '.join(close)}? " if close else "")
        + (f"there are: {', '.join(names)}" if names else "convert a checkpoint first")
    )


def available_weights(weights_dir: str | os.PathLike[str] | None = None) -> dict[str, Path]:
    """Names that `find_weights` finds, sorted, each with its folder."""
    found: dict[str, Path] = {}
    for place in search_path(weights_dir):
        try:
            entries = sorted(place.iterdir())
        except OSError:
            continue
        for entry in entries:
            if not entry.name.startswith(".") and _is_weights(entry):
                found.setdefault(entry.name, entry)
    return dict(sorted(found.items()))


def _is_weights(folder: Path) -> bool:
    # A killed replacement has its old content aside for the moment.
    return bool(folder.name) and (settled(folder) / MANIFEST_FILE).is_file()
