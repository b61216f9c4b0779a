"""One writer a folder: two would overwrite each other's files.

The file ``.lock`` says which process on which machine writes. Where the operating system has locks
it also holds one on that file, which ends with the process, however that happens: so a lock that a
dead process of this machine has left is taken over. Whether a process of another machine lives
cannot be seen, and is for the user to say.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
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


class _Holder(NamedTuple):
    pid: int
    host: str


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold ``folder``, which exists, while the block runs.

    Raises:
      InputError: another process holds it, or a file cannot be made in it.

    """
    path = folder / _NAME
    try:
        descriptor = _take(path)
    except OSError as error:
        raise InputError(f"cannot write in {shown(folder)}: {os_reason(error)}") from error
    try:
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
        raise InputError(
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
