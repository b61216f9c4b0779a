"""Peak memory of ``pmsfc invert`` for 100 photographs and for many: nothing holds the folder.

    python benchmarks/streaming.py

Makes the photographs and a narrow generator of 256x256 pictures with random weights, inverts both
folders for two steps with the command line, each in a process of its own, and compares the resident
peaks of the two processes. Memory does not depend on what else the machine does; seconds do.
"""

import argparse
import dataclasses
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from pmsfc_jax.nn import pggan
from pmsfc_jax.weights.store.folder import Network, save_weights

RESULT = Path(__file__).parent / "results" / "streaming.json"
SIDE = 256
#: What the peak for many photographs may be above that for 100, in MiB.
MOST_MORE = 100
WORDS = ("--steps", "2", "--method", "mganprior", "--codes", "2", "--history", "2")


def photographs(folder: Path, count: int) -> Path:
    """``count`` smooth pictures of a few sizes as JPEG files, all different."""
    folder.mkdir()
    for number in range(count):
        rng = np.random.default_rng(number)
        small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        size = (SIDE + 16 * (number % 5), SIDE + 16 * (number % 3))
        small.resize(size, Image.Resampling.BICUBIC).save(folder / f"{number:05d}.jpg", quality=90)
    return folder


def weights(folder: Path) -> Path:
    """A generator of eight channels at every resolution."""
    config = pggan.PGGANConfig(latent_dim=16, widths=(8,) * 14)
    params = pggan.pure_module(config).init(jax.random.key(0))
    network = Network(pggan.FAMILY, dataclasses.asdict(config), params)
    save_weights(folder / "narrow", {"generator": network})
    return folder


def invert(source: Path, weights_dir: Path, out: Path) -> tuple[float, float]:
    """Peak resident memory in MiB, and seconds, of the command in a process of its own."""
    words = [sys.executable, "-m", "pmsfc_jax", "invert", source, "--out", out]
    words += ["--generator", "narrow", "--weights-dir", weights_dir, *WORDS]
    began = time.perf_counter()
    pid = os.posix_spawn(sys.executable, [str(word) for word in words], dict(os.environ))
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit("pmsfc invert failed")
    return usage.ru_maxrss / 1024, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--result", type=Path, default=RESULT)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        weights_dir = weights(root / "weights")
        for count in (options.few, options.many):
            source = photographs(root / f"photographs{count}", count)
            peak, seconds = invert(source, weights_dir, root / f"run{count}")
            done = len(list((root / f"run{count}" / "codes").iterdir()))
            rows.append({"photographs": done, "peak_mib": peak, "seconds": seconds})
            print(f"{done:6d} photographs: peak {peak:.0f} MiB, {seconds:.0f} s", flush=True)
    more = rows[1]["peak_mib"] - rows[0]["peak_mib"]
    print(f"{more:.0f} MiB more; at most {MOST_MORE} are allowed")
    about = {
        "rows": rows,
        "more_mib": more,
        "most_more_mib": MOST_MORE,
        "side": SIDE,
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs",
        "jax": jax.__version__,
    }
    options.result.write_text(json.dumps(about, indent=2) + "\n")
    raise SystemExit(more > MOST_MORE)


if __name__ == "__main__":
    main()
