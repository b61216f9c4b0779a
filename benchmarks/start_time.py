"""From the command to the result: `pmsfc invert` of one photograph with ten steps.

    python benchmarks/start_time.py

Without kept programs, with an empty folder for them, and with those of the run before. Prints a
table and writes ``benchmarks/results/start_time.json``.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 3
#: The method, and the words that ask for it.
CASES = {"pmsfc, with its discovery": (), "mganprior": ("--method", "mganprior")}


def seconds(out: Path, cache: str, words: tuple[str, ...]) -> float:
    """Time of one command."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "pmsfc_jax", "invert", str(ROOT / "examples" / "sample0.png")]
    command += ["--out", str(out), "--steps", "10", *words]
    began = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        env=os.environ | {"PMSFC_CACHE": cache, "PYTHONPATH": path},
    )
    return time.perf_counter() - began


def main() -> None:
    """Print the table and write the record."""
    import jax

    record: dict = {
        "what": "pmsfc invert of one photograph with ten steps, seconds of the whole command",
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "repeats": REPEATS,
        "median_seconds": {},
    }
    print("| method | no cache | cold | warm |\n|---|---|---|---|")
    for name, words in CASES.items():
        times: dict[str, list[float]] = {"off": [], "cold": [], "warm": []}
        for _ in range(REPEATS):
            with tempfile.TemporaryDirectory() as folder:
                for kind in times:
                    cache = "off" if kind == "off" else str(Path(folder) / "cache")
                    times[kind].append(seconds(Path(folder) / kind, cache, words))
        medians = {kind: float(np.median(values)) for kind, values in times.items()}
        record["median_seconds"][name] = medians
        cells = " | ".join(f"{medians[kind]:.1f}" for kind in times)
        print(f"| {name} | {cells} |", flush=True)
    path = ROOT / "benchmarks" / "results" / "start_time.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
