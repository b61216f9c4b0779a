"""Watch for anything that a checkpoint might run."""

import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_watching: list[str] | None = None
_PREFIXES = ("os.", "subprocess.", "socket.", "ctypes.", "shutil.", "pickle.", "marshal.")
_EVENTS = ("import", "exec", "compile", "open", "pty.spawn", "cpython.run_command")


def _hook(event: str, args: Any) -> None:
    if _watching is not None and (event in _EVENTS or event.startswith(_PREFIXES)):
        _watching.append(f"{event} {args!r:.80}")


sys.addaudithook(_hook)


@contextmanager
def nothing_runs() -> Iterator[None]:
    """Fail if the body imports, compiles, executes, opens or spawns anything."""
    global _watching
    _watching = seen = []
    try:
        yield
    finally:
        _watching = None
        assert not seen, seen


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    """Fail if the body ever holds `limit` bytes more than before it."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < limit, f"{peak >> 20} MiB"
