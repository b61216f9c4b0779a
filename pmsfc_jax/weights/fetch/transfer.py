"""Bring a file over HTTP: again where it breaks off, and from there on."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import NamedTuple

from pmsfc_jax.weights.fetch.part import Part

_CHUNK = 1 << 18
#: Answers of a server that is busy: 429 and what it itself has caused.
_TRY_AGAIN = {408, 429, *range(500, 600)}

#: ``(bytes so far, bytes in all or None)``, called after every chunk.
Progress = Callable[[int, int | None], None]


class Fault(NamedTuple):
    """What went wrong, and whether another try may do better."""

    text: str
    passing: bool = False


class WriteError(Exception):
    """Writing failed, which has to be told apart from reading."""

    def __init__(self, reason: OSError):
        self.reason = reason


def transfer(
    address: str,
    part: Part,
    *,
    most_bytes: int,
    on_progress: Progress,
    timeout: float,
    waits: Sequence[float],
) -> Fault | None:
    """Bring what is missing of the part.

    Proxies are those of the environment (``https_proxy`` and others, ``no_proxy``).

    Args:
      address: of the file.
      part: what is there.
      most_bytes: a larger file is another one.
      on_progress: called after every chunk.
      timeout: seconds without a byte after which a try is given up.
      waits: seconds before each further try.

    Returns:
      What went wrong at last, or ``None``.

    Raises:
      WriteError: the part cannot be written.

    """
    fault = _try(address, part, most_bytes, on_progress, timeout)
    for wait in waits:
        if fault is None or not fault.passing:
            break
        time.sleep(wait)
        fault = _try(address, part, most_bytes, on_progress, timeout)
    return fault


def _try(
    address: str, part: Part, most_bytes: int, on_progress: Progress, timeout: float
) -> Fault | None:
    done, version = part.size, part.version_from(address)
    headers = {"User-Agent": "pmsfc_jax"}
    if done and version:
        # A server that has another version by now answers with all of it.
        headers |= {"Range": f"bytes={done}-", "If-Range": version}
    try:
        request = urllib.request.Request(address, headers=headers)
        # An opener of its own: the one that urllib keeps has the proxies of the first call.
        with urllib.request.build_opener().open(request, timeout=timeout) as answer:
            if answer.status == 206:
                where, _, length = answer.headers.get("Content-Range", "").partition("/")
                if not where.startswith(f"bytes {done}-"):
                    part.begin(address, "")
                    return Fault("answered with another part of the file", passing=True)
            else:
                done, length = 0, answer.headers.get("Content-Length", "")
                part.begin(address, _version(answer.headers))
            total = int(length) if length.isdecimal() else None
            while chunk := answer.read(_CHUNK):
                done += len(chunk)
                if done > most_bytes:
                    part.remove()
                    return Fault(f"gave more than {most_bytes >> 20} MiB, so it is another file")
                _write(part.write, chunk)
                on_progress(done, total)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # the part is longer than the file
            part.begin(address, "")
        return Fault(f"answered {error.code} ({error.reason})", error.code in {*_TRY_AGAIN, 416})
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        text = f"could not be reached ({' '.join(str(reason).split())[:120]})"
        return Fault(text, passing=isinstance(error, OSError | HTTPException))
    if total is not None and done != total:
        return Fault(f"broke off after {done:,} of {total:,} bytes", passing=True)
    return None


def _version(headers: object) -> str:
    """What the server calls this version of the file: its strong tag, or when it was changed."""
    get = headers.get  # type: ignore[attr-defined]
    tag = get("ETag", "")
    return str(tag if tag and not tag.startswith("W/") else get("Last-Modified", ""))


def _write(write: Callable[[bytes], int], chunk: bytes) -> None:
    try:
        write(chunk)
    except OSError as error:
        raise WriteError(error) from error
