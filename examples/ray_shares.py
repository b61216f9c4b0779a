"""Invert a folder on a Ray cluster: a task is a share, and the last one that is done merges.

    pip install ray
    python examples/ray_shares.py --shares 8 -- PHOTOGRAPHS --out RUN
    python examples/ray_shares.py --shares 8 --gpus 1 -- PHOTOGRAPHS --out RUN --until-psnr 32

All that follows ``--`` is for ``pmsfc invert``. Photographs and the run's folder lie on a disk that
every machine of the cluster sees under the same path. Each task is a process of its own, so that
devices that Ray gives it are its own, too; Ray's retries are harmless, since a share that died goes
on where it was.
"""

import argparse
import subprocess
import sys

import ray


def invert(number: int, count: int, words: list[str]) -> str:
    """Run one share.

    Raises:
      RuntimeError: it was not done; with the end of what it said.

    """
    share = ["--share", f"{number}/{count}"]
    command = [sys.executable, "-m", "pmsfc_jax", "invert", *words, *share]
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stderr[-2000:]
    # 1 is a share that is done, but for photographs that cannot be used.
    if done.returncode not in (0, 1):
        raise RuntimeError(f"share {number} of {count}: exit code {done.returncode}\n{said}")
    return said


def main() -> None:
    """Start all shares, the first one first: it deals the photographs to the others."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shares", type=int, required=True)
    parser.add_argument("--cpus", type=float, default=1, help="of one task")
    parser.add_argument("--gpus", type=float, default=0, help="of one task")
    parser.add_argument("words", nargs="+", help="of pmsfc invert, after --")
    options = parser.parse_args()
    ray.init()  # the cluster of RAY_ADDRESS, or this machine alone
    task = ray.remote(
        num_cpus=options.cpus, num_gpus=options.gpus, max_retries=3, retry_exceptions=True
    )(invert)
    shares = range(1, options.shares + 1)
    left = [task.remote(number, options.shares, options.words) for number in shares]
    while left:
        done, left = ray.wait(left)
        print(ray.get(done[0]))


if __name__ == "__main__":
    main()
