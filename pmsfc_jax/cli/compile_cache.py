"""Keep compiled programs between runs, in the user's cache folder.

``PMSFC_CACHE`` names another folder, or is ``off``. jax's own ``JAX_COMPILATION_CACHE_DIR`` goes
before it. Whoever can write to that folder can have us run their code, so it is made for its owner
alone. Where it cannot be written there is no cache, and nothing is said.
"""

import hashlib
import os
import platform
import secrets
import sys
import warnings
from pathlib import Path

#: Oldest programs are removed at the start of a run while all together are larger.
_MOST_BYTES = 500_000_000
#: Programs that compile faster than this many seconds are not worth a file.
_LEAST_SECONDS = 0.2


def use_compilation_cache() -> Path | None:
    """Switch jax's persistent cache on; gives its folder, or ``None`` where there is none."""
    import jax

    # Earlier ones cannot load what they have compiled for many CPUs, and complain each time
    # (jax issue 38445).
    too_old = tuple(map(int, jax.__version_info__[:3])) < (0, 10, 2)
    if os.environ.get("JAX_COMPILATION_CACHE_DIR") or too_old:
        return None
    folder = cache_folder()
    if folder is None or not _is_writable(folder):
        return None
    _prune(folder)
    # A disk that fills up, or a damaged program, costs a compilation and nobody's attention.
    warnings.filterwarnings("ignore", message=".*persistent compilation cache")
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _LEAST_SECONDS)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return folder


def cache_folder() -> Path | None:
    """Where compiled programs of this kind of machine are kept; ``None`` where it is off.

    Programs for CPUs hold the instructions of the CPU that compiled them, which jax does not look
    at; home folders are shared between machines, so each kind has a folder.
    """
    wanted = os.environ.get("PMSFC_CACHE", "")
    if wanted.lower() in ("off", "0", "no", "false"):
        return None
    try:
        return (Path(wanted) if wanted else _user_cache() / "pmsfc_jax") / f"jit-{_machine()}"
    except RuntimeError:  # there is no home
        return None


def _user_cache() -> Path:
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"])
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    named = os.environ.get("XDG_CACHE_HOME", "")
    return Path(named) if os.path.isabs(named) else Path.home() / ".cache"


def _machine() -> str:
    """A short name for the CPU's architecture and instructions."""
    facts = [platform.system(), platform.machine(), platform.processor()]
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        facts += [next(line for line in lines if line.startswith(("flags", "Features")))]
    except (OSError, StopIteration):
        pass
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]


def _is_writable(folder: Path) -> bool:
    probe = folder / f".{secrets.token_hex(6)}.tmp"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError:
        return False
    return True


def _prune(folder: Path, most: int = _MOST_BYTES) -> None:
    """Remove the oldest files while all together hold more than ``most`` bytes."""
    try:
        found = [(path, path.stat()) for path in folder.iterdir() if path.is_file()]
        total = sum(status.st_size for _, status in found)
        for path, status in sorted(found, key=lambda entry: entry[1].st_mtime):
            if total <= most:
                break
            path.unlink(missing_ok=True)
            total -= status.st_size
    except OSError:
        return  # another process does the same, or the folder has gone
