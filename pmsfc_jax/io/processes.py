"""Who is who among processes that share a folder."""

import hashlib
import os
import socket


def host() -> str:
    """Name of this machine."""
    return socket.gethostname()


def is_alive(pid: int) -> bool:
    """Whether a process of this machine runs; where that cannot be asked, it is taken to."""
    if os.name != "posix":
        return True  # elsewhere the signal that only asks would end the process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is another user's
    return True


def mark() -> str:
    """Eight digits for this machine, and the number of this process: for names of files."""
    return f"{_host_digits()}-{os.getpid()}"


def is_left_behind(text: str) -> bool:
    """Whether a `mark` is this process's, or that of a dead one of this machine."""
    digits, _, pid = text.partition("-")
    if digits != _host_digits() or not pid.isdecimal():
        return False
    return int(pid) == os.getpid() or not is_alive(int(pid))


def _host_digits() -> str:
    return hashlib.sha256(host().encode()).hexdigest()[:8]
