"""One writer a folder: two would overwrite each other's files.

The file ``.lock`` says which process on which machine writes. Where the operating system has locks
it also holds one on that file, which ends with the process, however that happens: so a lock that a
dead process of this machine has left is taken over. A holder touches its file every few seconds:
whoever is patient can see that one on another machine is silent, without comparing clocks.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.io.processes import host, is_alive

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NAME = ".lock"
#: Seconds between two touches of a file that is held.
_BEAT = 15.0
#: Seconds of silence after which a holder on another machine is taken to be dead: more than the
#: minute for which network disks may show an old time.
SILENCE = 120.0


class _Holder(NamedTuple):
    pid: int
    host: str


class HeldElsewhere(InputError):
    """A process of another machine holds the folder, or did before it died."""


class Writer(NamedTuple):
    """Who holds a folder.

    Attributes:
      pid: its process.
      host: the machine of the process.
      dead: whether it is known to have ended, or was silent for long.

    """

    pid: int
    host: str
    dead: bool


@contextmanager
def only_writer(folder: Path, *, patience: float | None = None) -> Iterator[None]:
    """Hold ``folder``, which exists, while the block runs.

    Args:
      folder: to be held.
      patience: for how many seconds a holder on another machine is watched; one that is silent for
        so long is dead, and its place is taken. By default its place is never taken.

    Raises:
      InputError: another process holds it, or a file cannot be made in it.

    """
    path = folder / _NAME
    try:
        descriptor = _take_from_the_dead(path, patience)
    except OSError as error:
        raise InputError(f"cannot write in {shown(folder)}: {os_reason(error)}") from error
    try:
        with _beating(path):
            yield
    finally:
        if fcntl is None:
            os.close(descriptor)  # Windows removes no file that is open
        # Before others can lock it: what is there under this name is held by somebody.
        path.unlink(missing_ok=True)
        if fcntl is not None:
            os.close(descriptor)


def check_no_writer(folder: Path) -> None:
    """Check that nobody holds ``folder``; changes nothing.

    Raises:
      InputError: another process holds it.

    """
    path = folder / _NAME
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        _check_holder(path, descriptor)
    finally:
        os.close(descriptor)


def writer_of(folder: Path, now: float) -> Writer | None:
    """Who holds ``folder``, or held it and died; changes nothing.

    Args:
      folder: that may be held.
      now: the present time by the clock of the disk, such as the time of a file just written there.

    """
    path = folder / _NAME
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        holder, touched = _read_holder(descriptor), os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)
    if holder is None:
        return None
    here = holder.host == host()
    return Writer(*holder, dead=not is_alive(holder.pid) if here else now - touched > SILENCE)


@contextmanager
def _beating(path: Path) -> Iterator[None]:
    """Touch a file every few seconds while the block runs."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_BEAT):
            with suppress(OSError):  # a disk that is away for a moment
                os.utime(path)

    thread = threading.Thread(target=beat, name="lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _take_from_the_dead(path: Path, patience: float | None) -> int:
    try:
        return _take(path)
    except HeldElsewhere:
        if patience is None or not _is_silent(path, patience):
            raise
    path.unlink(missing_ok=True)
    return _take(path)


def _is_silent(path: Path, seconds: float) -> bool:
    """Watch a file for some seconds: whether nobody touches it."""

    def touched() -> int | None:
        try:
            return path.stat().st_mtime_ns
        except OSError:
            return None

    before, end = touched(), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(1.0, seconds))
        if touched() != before:
            return False
    return True


def _take(path: Path) -> int:
    """The open file ``path``, locked where there are locks, with this process in it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _check_holder(path, descriptor)
            # Its holder may have removed it between our opening and locking it.
            if not path.exists() or not os.path.samestat(os.fstat(descriptor), path.stat()):
                os.close(descriptor)
                continue
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, json.dumps({"pid": os.getpid(), "host": host()}).encode())
            return descriptor
        except BaseException:
            os.close(descriptor)
            raise


def _check_holder(path: Path, descriptor: int) -> None:
    """Lock the file where that is possible; an error where another process holds it."""
    holder = _read_holder(descriptor)
    if holder is not None and holder.host != host():
        raise HeldElsewhere(
            f"{shown(path.parent)} is in use by process {holder.pid} on {holder.host}: wait for "
            f"it, or remove {shown(path)} if that process is gone"
        )
    locked = _lock(descriptor)
    free = (holder is None or not is_alive(holder.pid)) if locked is None else locked
    if not free:
        who = "another process" if holder is None else f"process {holder.pid} on {holder.host}"
        raise InputError(
            f"{shown(path.parent)} is in use by {who}: wait for it, stop it, or use another folder"
            f" (remove {shown(path)} if it is gone)"
        )


def _lock(descriptor: int) -> bool | None:
    """Whether this process now has the operating system's lock; ``None`` without such locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None  # some network disks
    return True


def _read_holder(descriptor: int) -> _Holder | None:
    """Who the file says holds it; ``None`` where it was cut short or says nothing."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        content = json.loads(os.read(descriptor, 4096))
        return _Holder(int(content["pid"]), str(content["host"]))
    except (ValueError, KeyError, TypeError):
        return None
