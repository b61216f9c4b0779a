"""Fetch published weights from where their authors put them.

A file gets its name only after its checksum was compared with the published one. Where nobody
publishes one, that of the first download is kept beside the file and demanded from then on.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.fetch.catalogue import Published, by_hand, published
from pmsfc_jax.weights.fetch.package import download_package
from pmsfc_jax.weights.fetch.part import Part
from pmsfc_jax.weights.fetch.transfer import Fault, Progress, WriteError, transfer

#: Seconds without a byte after which a try is given up.
TIMEOUT = 30.0
#: Seconds before each further try.
WAITS = (1.0, 4.0, 15.0)


def fetch(
    name: str,
    folder: str | os.PathLike[str],
    *,
    on_progress: Progress = lambda done, total: None,
    on_notice: Callable[[str], None] = lambda text: None,
    timeout: float = TIMEOUT,
    waits: Sequence[float] = WAITS,
) -> Path:
    """Download a published file, unless it is there already, and verify it.

    What has come of a download that was broken off is kept, and gone on with by the next call.

    Args:
      name: one of `PUBLISHED`.
      folder: where to put it; made if need be.
      on_progress: called after every chunk with bytes so far and in all, ``None`` if unknown.
      on_notice: told what a checksum is worth that its publisher does not say.
      timeout: seconds without a byte after which to give up a try.
      waits: seconds before each further try, where the fault may pass.

    Returns:
      The file's path.

    Raises:
      InputError: no such name, no network, another content than the published one, or the folder
        cannot be written; the message says what to do by hand.

    """
    wanted = published(name)
    path = Path(folder) / wanted.file
    try:
        if path.is_file():
            _check_there(path, wanted)
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with Part(path) as part:
            fault = _bring(wanted, part, on_progress, timeout, waits)
            if fault is None:
                part.flush()
                fault = _compare(wanted, part.path, path, on_notice)
                if fault is None:
                    part.finish(path)
                    return path
                part.remove()
    except WriteError as error:
        reason = error.reason.strerror or error.reason
        raise InputError(f"cannot write {path}: {reason}") from error
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    where = wanted.requirement or wanted.address
    kept = ""
    if part.path.exists():
        kept = "; what has come is kept: the same command goes on with it, or else"
    raise InputError(f"{where} {fault.text}{kept}; {by_hand(name)}")


def _bring(
    wanted: Published, part: Part, on_progress: Progress, timeout: float, waits: Sequence[float]
) -> Fault | None:
    if not wanted.requirement:
        return transfer(
            wanted.address,
            part,
            most_bytes=wanted.most_bytes,
            on_progress=on_progress,
            timeout=timeout,
            waits=waits,
        )
    part.begin(wanted.address, "")
    text = download_package(wanted, part.write)
    return Fault(text) if text else None


def _compare(
    wanted: Published, part: Path, path: Path, on_notice: Callable[[str], None]
) -> Fault | None:
    """Compare a new file with what is known of it, and keep its sum where nobody says one."""
    if wanted.demanded:
        found = _digest(part, wanted.algorithm)
        if found.startswith(wanted.checksum):
            return None
        shown = found[: len(wanted.checksum)]
        return Fault(
            f"gave another file than the published one (its {wanted.algorithm} is {shown})"
        )
    found, kept = _digest(part, "sha256"), _kept(path)
    if kept and found != kept:
        return Fault(
            f"gave another file than before (its sha256 is {found[:16]}..., not {kept[:16]}...); "
            f"if it was published anew, remove {_sum_file(path)} and ask again"
        )
    if not kept:
        _sum_file(path).write_text(f"{found}  {path.name}\n")
        on_notice(_worth(wanted, found))
    return None


def _worth(wanted: Published, found: str) -> str:
    """What the sum of a first download is worth."""
    if not wanted.checksum:
        return f"nobody says a checksum of it: its sha256 {found} is kept and demanded from now on"
    if found == wanted.checksum:
        return f"its sha256 {found} is what a third party says, too; it is kept and demanded"
    return (
        f"warning: its sha256 is {found}, and a third party says {wanted.checksum}; its publisher "
        "says none. It is kept and demanded from now on: look at the samples"
    )


def _check_there(path: Path, wanted: Published) -> None:
    """Check a file that is there already; without a sum to compare it with, it is taken."""
    demanded = wanted.checksum if wanted.demanded else _kept(path)
    algorithm = wanted.algorithm if wanted.demanded else "sha256"
    found = _digest(path, algorithm)
    if not found.startswith(demanded):
        raise InputError(
            f"{path} is there and is not {wanted.what}: its {algorithm} begins with {found[:8]}; "
            "remove it and ask again"
        )


def _sum_file(path: Path) -> Path:
    """Where the sum of a first download is kept, as sha256sum has it."""
    return path.with_name(f"{path.name}.sha256")


def _kept(path: Path) -> str:
    """The sum of the first download; empty where there was none."""
    try:
        return _sum_file(path).read_text().partition(" ")[0].strip()
    except OSError:
        return ""


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
