"""``FILE[:NAME]``: directions of a file, or one of them."""

from pathlib import Path

from pmsfc_jax.api import load_directions
from pmsfc_jax.tasks.edit.directions import Directions


def read_directions(text: str) -> Directions:
    """The directions that the words stand for.

    Raises:
      InputError: there is no such file, it holds something else, or no direction of that name.

    """
    path, _, name = text.rpartition(":")
    if not path or Path(text).exists():
        return load_directions(text)
    return load_directions(path).chosen(name)
