"""Fetch published weights of judging networks from where their authors put them.

Nothing is taken on trust: a file gets its name only after its checksum was compared with the
published one. Torchvision publishes the first eight digits of a file's sha256 in its name; where
all digits are known they are compared. LPIPS' heads come from one commit of their repository.
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
from typing import NamedTuple

from pmsfc_jax.core.errors import InputError

_TORCHVISION = "https://download.pytorch.org/models/"
_LPIPS = (
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/"
    "082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1/"
)
_CHUNK = 1 << 18
#: Seconds without a byte after which a download is given up.
TIMEOUT = 30.0

#: ``(bytes so far, bytes in all or None)``, called after every chunk.
Progress = Callable[[int, int | None], None]


class Published(NamedTuple):
    """One published file.

    Attributes:
      what: it is, for messages.
      address: its official place.
      file: name to store it under.
      sha256: in hexadecimal, or as many of its first digits as are published (8 at least).
      most_bytes: no more than this is taken.

    """

    what: str
    address: str
    file: str
    sha256: str
    most_bytes: int


#: Every file that can be fetched, by the name that its converted weights get.
PUBLISHED: dict[str, Published] = {
    "vgg16": Published(
        "torchvision's VGG16, trained on ImageNet (528 MiB)",
        f"{_TORCHVISION}vgg16-397923af.pth",
        "vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        560 << 20,
    ),
    "squeezenet1_0": Published(
        "torchvision's SqueezeNet 1.0, trained on ImageNet (5 MiB)",
        f"{_TORCHVISION}squeezenet1_0-b66bff10.pth",
        "squeezenet1_0-b66bff10.pth",
        "b66bff10",
        8 << 20,
    ),
    "squeezenet1_1": Published(
        "torchvision's SqueezeNet 1.1, trained on ImageNet (5 MiB)",
        f"{_TORCHVISION}squeezenet1_1-b8a52dc0.pth",
        "squeezenet1_1-b8a52dc0.pth",
        "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        8 << 20,
    ),
    "lpips_vgg": Published(
        "the heads of LPIPS v0.1 for VGG16 (7 KiB)",
        f"{_LPIPS}vgg.pth",
        "lpips_vgg.pth",
        "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
        1 << 20,
    ),
}


def published(name: str) -> Published:
    """The published file called ``name``.

    Raises:
      InputError: there is none of that name.

    """
    if name not in PUBLISHED:
        raise InputError(f"nothing called {name!r} can be fetched; choose {', '.join(PUBLISHED)}")
    return PUBLISHED[name]


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
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if not found.startswith(wanted.sha256):
                raise InputError(
                    f"{path} is there and is not {wanted.what}: its sha256 begins with "
                    f"{found[:8]}; remove it and ask again"
                )
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            fault = _download(wanted, file.write, on_progress, timeout)
        if fault:
            raise InputError(f"{wanted.address} {fault}; {by_hand(name)}")
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path


def by_hand(name: str) -> str:
    """What to do where a file cannot be fetched: address, checksum and the command to run."""
    wanted = published(name)
    digits = "sha256" if len(wanted.sha256) == 64 else "beginning of the sha256"
    return (
        f"to do it by hand, download {wanted.address} as {wanted.file}, compare the {digits} with "
        f"{wanted.sha256}, and run: pmsfc convert {wanted.file} --name {name}"
    )


def _download(
    wanted: Published, write: Callable[[bytes], int], on_progress: Progress, timeout: float
) -> str:
    """Write the file's bytes; what went wrong, or nothing."""
    digest, done = hashlib.sha256(), 0
    request = urllib.request.Request(wanted.address, headers={"User-Agent": "pmsfc_jax"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            announced = answer.headers.get("Content-Length", "")
            total = int(announced) if announced.isdecimal() else None
            while chunk := answer.read(_CHUNK):
                done += len(chunk)
                if done > wanted.most_bytes:
                    return f"gave more than {wanted.most_bytes >> 20} MiB, so it is another file"
                digest.update(chunk)
                _write(write, chunk)
                on_progress(done, total)
    except urllib.error.HTTPError as error:
        error.close()
        return f"answered {error.code} ({error.reason})"
    except _WriteError as error:
        raise error.reason from error
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        return f"could not be reached ({' '.join(str(reason).split())[:120]})"
    if total is not None and done != total:
        return f"broke off after {done:,} of {total:,} bytes; try again, or else"
    found = digest.hexdigest()
    if not found.startswith(wanted.sha256):
        shown = found[: len(wanted.sha256)]
        return f"gave another file than the published one (its sha256 is {shown})"
    return ""


class _WriteError(Exception):
    """Writing failed, which has to be told apart from reading."""

    def __init__(self, reason: OSError):
        self.reason = reason


def _write(write: Callable[[bytes], int], chunk: bytes) -> None:
    try:
        write(chunk)
    except OSError as error:
        raise _WriteError(error) from error
