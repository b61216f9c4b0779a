"""Time and memory of converting a full-size checkpoint: PGGAN-1024 with random weights.

    python benchmarks/conversion.py

Writes a checkpoint of the published size in mganprior's layout (zip and legacy containers), then
reads, converts, stores and loads it again, each in a process of its own whose peak memory is taken.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
WIDTHS = (512, 512, 512, 512, 256, 128, 64, 32, 16)


def state_dict() -> dict[str, np.ndarray]:
    """Random arrays under the keys of mganprior's PGGAN of 1024x1024."""
    rng = np.random.default_rng(0)
    arrays = {"lod": np.zeros((), np.float32)}
    width_in = 512
    for level, width in enumerate(WIDTHS):
        for part in (0, 1):
            layer, side = 2 * level + part, 4 if level == part == 0 else 3
            shape = (width, width_in, side, side)
            arrays[f"layer{layer}.conv.weight"] = rng.standard_normal(shape, np.float32)
            arrays[f"layer{layer}.wscale.bias"] = rng.standard_normal(width, np.float32)
            width_in = width
        arrays[f"output{level}.conv.weight"] = rng.standard_normal((3, width, 1, 1), np.float32)
        arrays[f"output{level}.wscale.bias"] = rng.standard_normal(3, np.float32)
    return arrays


def child(action: str, path: str, weights: str) -> None:
    """One action, with its time and peak memory as JSON on stdout."""
    import pmsfc_jax as pm

    began = time.perf_counter()
    if action == "convert":
        pm.convert_checkpoint(path, "large", weights_dir=weights, overwrite=True)
    else:
        pm.load_generator("large", weights_dir=weights)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))


def main() -> None:
    """Print the table."""
    sys.path.insert(0, str(ROOT))
    from tests.weights import torch_files

    arrays = state_dict()
    print("| container | size MiB | action | seconds | peak MiB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        numbered = list(enumerate(arrays.items()))
        raw = {str(i): array.tobytes() for i, (_, array) in numbered}
        for container in ("zip", "legacy"):
            path = Path(folder) / f"{container}.pth"
            if container == "zip":
                tree = {key: torch_files.whole(str(i), array) for i, (key, array) in numbered}
                path.write_bytes(torch_files.torch_zip(tree, raw))
            else:
                tree = {key: torch_files.whole(str(i), array, None) for i, (key, array) in numbered}
                sized = {key: (len(data) // 4, data) for key, data in raw.items()}
                path.write_bytes(torch_files.torch_legacy(tree, sized))
            for action in ("convert", "load"):
                command = [sys.executable, __file__, action, str(path), folder]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                row = json.loads(done.stdout)
                print(
                    f"| {container} | {path.stat().st_size / 2**20:.0f} | {action} "
                    f"| {row['seconds']:.1f} | {row['peak_mib']:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.path.insert(0, str(ROOT))
        child(*sys.argv[1:])
    else:
        main()
