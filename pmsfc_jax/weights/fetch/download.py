"""Fetch published weights from where their authors put them.

Nothing is taken on trust: a file gets its name only after its checksum was compared with the
published one.
"""

import contextlib
import hashlib
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.fetch.catalogue import Published, by_hand, published
from pmsfc_jax.weights.fetch.package import download_package

_CHUNK = 1 << 18
#: Seconds without a byte after which a download is given up.
TIMEOUT = 30.0

#: ``(bytes so far, bytes in all or None)``, called after every chunk.
Progress = Callable[[int, int | None], None]


def fetch(
    name: str,
    folder: str | os.PathLike[str],
    *,
    on_progress: Progress = lambda done, total: None,
    timeout: float = TIMEOUT,
) -> Path:
    """Download a published file, unless it is there already, and verify it.

    Args:
      name: one of `PUBLISHED`.
      folder: where to put it; made if need be.
      on_progress: called after every chunk with bytes so far and in all, ``None`` if unknown.
      timeout: seconds without a byte after which to give up.

    Returns:
      The file's path.

    Raises:
      InputError: no such name, no network, another content than the published one, or the folder
        cannot be written; the message says what to do by hand. Nothing is left in the folder.

    """
    wanted = published(name)
    path = Path(folder) / wanted.file
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        if path.is_file():
            with path.open("rb") as there:
                found = hashlib.file_digest(there, wanted.algorithm).hexdigest()
            if not found.startswith(wanted.checksum):
                raise InputError(
                    f"{path} is there and is not {wanted.what}: its {wanted.algorithm} begins with "
                    f"{found[:8]}; remove it and ask again"
                )
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.new(wanted.algorithm)
        with temporary.open("xb") as file:

            def write(chunk: bytes) -> int:
                digest.update(chunk)
                return _write(file.write, chunk)

            if wanted.requirement:
                fault = download_package(wanted, write)
            else:
                fault = _download(wanted, write, on_progress, timeout)
        found = digest.hexdigest()
        if not fault and not found.startswith(wanted.checksum):
            shown = found[: len(wanted.checksum)]
            fault = f"gave another file than the published one (its {wanted.algorithm} is {shown})"
        if fault:
            where = wanted.requirement or wanted.address
            raise InputError(f"{where} {fault}; {by_hand(name)}")
        os.replace(temporary, path)
    except _WriteError as error:
        reason = error.reason.strerror or error.reason
        raise InputError(f"cannot write {path}: {reason}") from error
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path


def _download(
    wanted: Published, write: Callable[[bytes], int], on_progress: Progress, timeout: float
) -> str:
    """Write the file's bytes; what went wrong, or nothing."""
    done = 0
    request = urllib.request.Request(wanted.address, headers={"User-Agent": "pmsfc_jax"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            announced = answer.headers.get("Content-Length", "")
            total = int(announced) if announced.isdecimal() else None
            while chunk := answer.read(_CHUNK):
                done += len(chunk)
                if done > wanted.most_bytes:
                    return f"gave more than {wanted.most_bytes >> 20} MiB, so it is another file"
                write(chunk)
                on_progress(done, total)
    except urllib.error.HTTPError as error:
        error.close()
        return f"answered {error.code} ({error.reason})"
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        return f"could not be reached ({' '.join(str(reason).split())[:120]})"
    if total is not None and done != total:
        return f"broke off after {done:,} of {total:,} bytes; try again, or else"
    return ""


class _WriteError(Exception):
    """Writing failed, which has to be told apart from reading."""

    def __init__(self, reason: OSError):
        self.reason = reason


def _write(write: Callable[[bytes], int], chunk: bytes) -> int:
    try:
        return write(chunk)
    except OSError as error:
        raise _WriteError(error) from error
