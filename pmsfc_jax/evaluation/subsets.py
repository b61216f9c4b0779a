"""Fixed subsets of photographs: a JSON file that names them, so that a table can be made again."""

import json
from pathlib import Path

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import shown


def load_subset(path: Path, name: str, root: Path) -> list[Path]:
    """Files of subset ``name`` under ``root``, as ``{name: {"folder": F, "files": [...]}}`` says.

    Raises:
      InputError: the file is no such JSON, or it has no such subset.

    """
    try:
        subsets = json.loads(path.read_text())["subsets"]
        known = ", ".join(subsets)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot read subsets from {shown(path)}: {error}") from error
    if name not in subsets:
        raise InputError(f"{shown(path)} has no subset {name}: choose one of {known}")
    return [root / subsets[name]["folder"] / file for file in subsets[name]["files"]]
