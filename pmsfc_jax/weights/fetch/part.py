"""The part of a download that has come, kept so that it can be gone on with."""

import contextlib
import json
import os
from pathlib import Path
from typing import IO

from pmsfc_jax.core.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: two downloads of one file at a time are not told apart there
    fcntl = None  # type: ignore[assignment]


class Part:
    """A file in progress, held by one process at a time; a context manager.

    Beside it stands where it comes from, and what the server calls that version of the file.
    """

    def __init__(self, final: Path):
        """Open what there is.

        Args:
          final: the file that it is to become.

        Raises:
          OSError: the folder cannot be written.
          InputError: another process fetches the same file.

        """
        self.path = final.with_name(f".{final.name}.part")
        self._about = final.with_name(f".{final.name}.part.json")
        self._file: IO[bytes] = open(self.path, "a+b")  # noqa: SIM115, closed by __exit__
        if fcntl is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self._file.close()
                raise InputError(
                    f"{final} is being fetched by another process: wait for it"
                ) from None

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        with contextlib.suppress(OSError):
            # Nothing came, or nobody could say whether it still belongs to the rest.
            if self.path.stat().st_size == 0 or not self._about.exists():
                self.remove()

    @property
    def size(self) -> int:
        """Bytes that are there."""
        self._file.flush()
        return os.fstat(self._file.fileno()).st_size

    def write(self, chunk: bytes) -> int:
        """Append."""
        return self._file.write(chunk)

    def flush(self) -> None:
        """Let others see what was written."""
        self._file.flush()

    def begin(self, address: str, version: str) -> None:
        """Drop what is there: a file called ``version`` comes from ``address``, or it has no name.

        Without a name it cannot be gone on with later.
        """
        self._file.truncate(0)
        if version:
            self._about.write_text(json.dumps({"address": address, "version": version}))
        else:
            self._about.unlink(missing_ok=True)

    def version_from(self, address: str) -> str:
        """What the server called the file that this is a part of; empty where that is not known."""
        try:
            about = json.loads(self._about.read_text())
            return str(about["version"]) if about["address"] == address else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def finish(self, final: Path) -> None:
        """Give it its name."""
        self._file.close()
        os.replace(self.path, final)
        self._about.unlink(missing_ok=True)

    def remove(self) -> None:
        """Drop it."""
        self._file.close()
        self.path.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)
