"""The folder of ``--out``."""

from pathlib import Path

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import shown


def check_out_folder(path: Path) -> None:
    """Check that a folder may be called so; it need not be there yet.

    Raises:
      InputError: a file is called so.

    """
    if path.exists() and not path.is_dir():
        raise InputError(f"{shown(path)} is a file: give a folder with --out")
