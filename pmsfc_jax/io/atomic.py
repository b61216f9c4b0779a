"""Write a file whole or not at all.

The new content goes to a temporary name in the same folder, is flushed to the disk and then
renamed over the old file in one step. Whatever stops the program, the file is either the old one
or the new one, never a part of it.
"""

import os
import secrets
from pathlib import Path

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.io.processes import is_left_behind, mark


def write_bytes_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace the file at ``path`` by one that holds ``data``.

    A symbolic link is followed and stays a link. The folder has to exist.

    Raises:
      InputError: the file cannot be written (no such folder, no permission, disk full, not a
        regular file). What was there is as before and no temporary file stays behind.
    """
    try:
        _replace(Path(os.path.realpath(path)), data)
    except OSError as error:
        raise InputError(
            f"cannot write {shown(path)}: {_explain(Path(path), error)}; "
            "choose a place that can be written to"
        ) from error


def write_text_atomic(path: str | os.PathLike[str], text: str) -> None:
    r"""Replace the file at ``path`` by ``text`` in UTF-8, line ends as they are given.

    A character that UTF-8 cannot hold (part of a file name that was not UTF-8) becomes ``\udcXX``.

    Raises:
      InputError: as for `write_bytes_atomic`.
    """
    write_bytes_atomic(path, text.encode("utf-8", errors="backslashreplace"))


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files, in ``folder`` and below, that processes left when they were killed.

    Only those of this process and of dead ones of this machine: no other is known not to be in use.
    """
    for file in folder.rglob(".*.*.*.tmp"):
        if is_left_behind(file.name.split(".")[-3]):
            file.unlink(missing_ok=True)


def _replace(target: Path, data: bytes) -> None:
    if target.exists() and not target.is_file():
        # Renaming over a device such as /dev/null would replace the device.
        raise OSError(None, "it is a folder or a device, not a file")
    # Short whatever the target is called; the leading dot hides it from listings and globs.
    start = target.name[:40]
    temporary = target.with_name(f".{start}.{mark()}.{secrets.token_hex(6)}.tmp")
    # The usual permissions under the user's umask; tempfile would give the owner's only.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _explain(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"the folder {shown(path.parent)} does not exist"
    return os_reason(error)
