"""Move a finished folder to its name, so that the name never shows a part of one.

Replacing takes two renames, since no portable call exchanges two folders. A program that is killed
between them leaves the old folder under a name that `settled` knows.
"""

import os
import secrets
import shutil
from pathlib import Path

from pmsfc_jax.core.errors import InputError


def temporary_sibling(folder: Path) -> Path:
    """A fresh hidden name beside ``folder``, short enough whatever the folder is called."""
    return folder.with_name(f".{folder.name[:40]}.{secrets.token_hex(6)}.tmp")


def settled(folder: Path) -> Path:
    """Where the content of ``folder`` is: in place, or still aside after a killed replacement."""
    aside = _aside(folder)
    return aside if aside.is_dir() and not folder.exists() else folder


def place(finished: Path, folder: Path, *, replace: bool) -> None:
    """Rename the folder ``finished`` to its sibling ``folder``.

    Args:
      finished: a complete folder beside ``folder``; gone afterwards.
      folder: the name it gets.
      replace: whether what bears that name now may go.

    Raises:
      InputError: ``folder`` exists and ``replace`` is false.
      OSError: renaming failed; what was there is there again.

    """
    aside = _aside(folder)
    if aside.is_dir():
        # A kill came between the renames below (then what is aside is all there is), or after them.
        if folder.exists():
            _remove(aside)
        else:
            os.rename(aside, folder)
    if not folder.exists():
        os.rename(finished, folder)
        return
    if not replace:
        raise InputError(f"{folder} already exists; choose another name or ask to overwrite it")
    os.rename(folder, aside)
    try:
        os.rename(finished, folder)
    except BaseException:
        os.rename(aside, folder)
        raise
    _remove(aside)


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replaced")


def _remove(folder: Path) -> None:
    # Renamed first: what lies aside is whole at every moment.
    rubbish = temporary_sibling(folder)
    os.rename(folder, rubbish)
    shutil.rmtree(rubbish, ignore_errors=True)
