"""stdout and stderr that may be closed, full, or a pipe whose reader has gone.

What a command prints is not its work: where it cannot be printed, the work goes on and is saved.
"""

from __future__ import annotations

import errno
import os
import sys

# `typing` would be a third of the time that --help takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Output:
    """A stream that never fails: what it cannot write is dropped.

    Attributes:
      lost: why something could not be written, or ``None``.

    """

    def __init__(self, stream: Any):
        self._stream = stream
        self.lost: OSError | None = None
        if stream is None:
            self.lost = OSError(errno.EBADF, "it is closed")

    def write(self, text: str) -> int:
        """Write, and say that all was written."""
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        """Hand over what was written."""
        self._try("flush")

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.lost is None and bool(self._stream.isatty())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _try(self, method: str, *arguments: Any) -> None:
        if self.lost is not None:
            return
        try:
            getattr(self._stream, method)(*arguments)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            text = arguments[0].encode(encoding, "backslashreplace").decode(encoding)
            self._try(method, text)
        except OSError as error:
            self.lost = error
            self._silence()

    def _silence(self) -> None:
        """Let nothing be left that Python would fail to write when it ends."""
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)
        except (OSError, ValueError, AttributeError):
            return  # a stream that is no file


class SafeOutput:
    """Puts `Output` in the place of stdout and stderr while a block runs; gives stdout's."""

    def __enter__(self) -> Output:
        self._before = sys.stdout, sys.stderr
        out = Output(sys.stdout)
        sys.stdout, sys.stderr = out, Output(sys.stderr)
        return out

    def __exit__(self, *error: object) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = self._before
