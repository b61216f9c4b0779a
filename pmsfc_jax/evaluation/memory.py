"""Peak memory of a piece of work, and what exactly was measured."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """Filled in when the block of `peak_memory` ends.

    Attributes:
      mib: peak in MiB, or ``None`` where this machine does not tell.
      kind: what ``mib`` is.

    """

    mib: float | None = None
    kind = "not measured on this machine"


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the block: the device's own peak on an accelerator, else the process's resident peak.

    A device's peak cannot be reset, so there it is the highest since the process began. Linux's
    resident peak is reset first; it holds the weights and all that the process keeps, too.
    """
    peak, device = Peak(), jax.local_devices()[0]
    on_cpu = device.platform == "cpu"
    reset = on_cpu and _reset()
    yield peak
    if reset:
        found = re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text())
        if found:
            peak.mib, peak.kind = int(found[1]) / 1024, "peak resident memory of the process"
    elif not on_cpu:
        used = (device.memory_stats() or {}).get("peak_bytes_in_use")
        if used is not None:
            peak.mib, peak.kind = used / 2**20, "peak device memory since the process began"


def _reset() -> bool:
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return True
