"""What a command tells machines: one JSON object a line on stdout."""

import json
import math
import sys
import threading
import time
from typing import Any

#: Least seconds between two events of progress.
_INTERVAL = 1.0


class Events:
    """Writes events where ``wanted``, and nothing otherwise. Any thread may tell one."""

    def __init__(self, wanted: bool):
        self.wanted = wanted
        self._last = -math.inf
        self._lock = threading.Lock()

    def tell(self, event: str, **facts: Any) -> None:
        """Write one event; numbers that are not finite become null."""
        if self.wanted:
            line = json.dumps({"event": event} | {k: _plain(v) for k, v in facts.items()})
            with self._lock:
                sys.stdout.write(line + "\n")
                sys.stdout.flush()

    def progress(self, **facts: Any) -> None:
        """`tell` progress, but at most once a second."""
        if not self.wanted:
            return
        now = time.monotonic()
        if now - self._last >= _INTERVAL:
            self._last = now
            self.tell("progress", **facts)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
