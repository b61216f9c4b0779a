"""Measure again all that README and docs say of the embedded prior, after it was replaced.

    python benchmarks/measure_prior.py --photographs FOLDER --judge squeezenet1_0.npz
    python scripts/update_tables.py

FOLDER holds ``train``, ``test`` and ``other`` as in `prior_quality`, and ``index.csv`` with their
labels. What is timed runs alone, the rest several at a time, each on a processor of its own. The
results land in ``benchmarks/results`` and ``docs/images``, the logs in ``--logs``. Stopped, the
same command goes on after the last measurement that was finished, as long as the prior is the same.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import pmsfc_jax as pm

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path("benchmarks/results")

# Result: subset, options, methods.
EVALUATIONS = {
    "test16": (
        "test16", "--steps 150",
        "single mganprior_16 pmsfc_4x4 pmsfc_full_4x4 single_lbfgs mganprior_4_lbfgs "
        "pmsfc_4x4_lbfgs pmsfc_4x4_random_lbfgs pmsfc_linear_4x4_lbfgs mganprior_16_lbfgs "
        "pmsfc_full_4x4_lbfgs pmsfc_full_4x4_random_lbfgs",
    ),
    "other16": (
        "other16", "--steps 150",
        "mganprior_16 pmsfc_4x4 pmsfc_4x4_lbfgs mganprior_16_lbfgs pmsfc_full_4x4_lbfgs "
        "pmsfc_full_4x4_random_lbfgs",
    ),
    "steps60": ("test16", "--steps 60", "pmsfc_full_4x4_lbfgs"),
    "steps300": ("test16", "--steps 300", "pmsfc_full_4x4_lbfgs"),
    "train16": ("train16", "--steps 150", "pmsfc_full_4x4_lbfgs"),
    "time8": (
        "test8", "--seconds 1.5",
        "mganprior_4_lbfgs mganprior_16_lbfgs pmsfc_4x4_lbfgs pmsfc_linear_4x4_lbfgs "
        "pmsfc_full_4x4_lbfgs",
    ),
    "published8": ("test8", "--steps 150", "mganprior_published pmsfc_full_4x4_lbfgs"),
}  # fmt: skip


class Measurement(NamedTuple):
    """A command, whether it is timed, and what it leaves that has to be put elsewhere."""

    name: str
    command: Sequence[str]
    timed: bool = False
    copies: Sequence[tuple[Path, Path]] = ()


def measurements(photographs: Path, judge: Path, work: Path) -> list[Measurement]:
    """Everything, in order; timed ones first."""
    pmsfc = (sys.executable, "-m", "pmsfc_jax")

    def benchmark(name: str, *options: object, timed: bool = False) -> Measurement:
        out = RESULTS / f"{name}.json"
        command = (sys.executable, f"benchmarks/{name}.py", *map(str, options), "--out", str(out))
        return Measurement(name, command, timed)

    def evaluation(name: str) -> Measurement:
        subset, options, methods = EVALUATIONS[name]
        out = work / name
        command = (*pmsfc, "evaluate", str(photographs), "--judge", str(judge), "--subset", subset)
        return Measurement(
            name,
            (*command, *options.split(), "--methods", *methods.split(), "--out", str(out)),
            timed=True,
            copies=[(out / "table.json", RESULTS / f"{name}.json")],
        )

    first, subspaces = work / "first", work / "subspaces"
    pictures = (sys.executable, "scripts/make_pictures.py", "--run", str(first))
    edits = (sys.executable, "benchmarks/edits.py", "pggan_tops32", "--layer", "4")
    edited = ("--squeezenet", str(judge), "--clothing", str(photographs))
    discover = (*pmsfc, "discover", "pggan_tops32", "--layer", "4", "--num-subspaces", "4")
    shown = ("--num-pairs", "16", "--num-random", "2", "--out", str(subspaces))
    return [
        Measurement("first", (*pmsfc, "invert", "examples", "--out", str(first)), timed=True),
        *(evaluation(name) for name in EVALUATIONS),
        benchmark("discovery", "--penalties", 12, timed=True),
        benchmark("stability", "--sets", 3, "--restarts", 30),
        benchmark(
            "subspace_effects", "--numbers", 4,
            "--affinities", "ridge", "paper", "correlation", "effect",
        ),
        benchmark(
            "perceptual_weight", photographs / "train", "--squeezenet", judge,
            "--blocks", "--weights", 0, 0.01, 0.1, 1,
        ),
        benchmark(
            "prior_quality", "--photographs", photographs, "--judge", judge,
            "--sheet", work / "nearest.png",
        ),
        Measurement("edits", (*edits, *edited, "--pairs", "24", "--judged", "4")),
        Measurement("pictures", pictures),
        Measurement(
            "subspaces",
            (*discover, *shown),
            copies=[
                (subspaces / name, Path("docs/images") / name)
                for name in ("effects.png", "exchanges.png")
            ],
        ),
    ]  # fmt: skip


def measure(measurement: Measurement, logs: Path, processor: int | None) -> str:
    """Run one; on one processor where one is given. Returns its name and seconds."""
    start, environment = time.perf_counter(), dict(os.environ)
    if processor is not None:
        # Threads of several programs would wait for each other.
        environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    with (logs / f"{measurement.name}.txt").open("w") as log:
        process = subprocess.Popen(
            measurement.command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        if processor is not None:
            os.sched_setaffinity(process.pid, {processor})
        if process.wait():
            raise SystemExit(f"{measurement.name} failed: see {log.name}")
    for source, target in measurement.copies:
        shutil.copy(ROOT / source, ROOT / target)
    return f"{measurement.name}: {time.perf_counter() - start:.0f} s"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photographs", type=Path, required=True, help="has train, test, other")
    parser.add_argument("--judge", type=Path, required=True, help="squeezenet1_0.npz")
    parser.add_argument("--logs", type=Path, default=Path("runs/measure"))
    parser.add_argument("--only", nargs="+", help="names of measurements")
    options = parser.parse_args()

    # A folder for each prior, so that nothing of another one is taken for done.
    identity = pm.load_generator("pggan_tops32")[0].spec.identity
    logs = options.logs.resolve() / identity[:12]
    logs.mkdir(parents=True, exist_ok=True)
    record = logs / "done.json"
    finished: list[str] = json.loads(record.read_text()) if record.exists() else []
    todo = [
        m
        for m in measurements(options.photographs.resolve(), options.judge.resolve(), logs)
        if (m.name in options.only if options.only else m.name not in finished)
    ]

    def finish(measurement: Measurement, said: str) -> None:
        print(said, flush=True)
        finished.append(measurement.name)
        record.write_text(json.dumps(sorted(set(finished))))

    for measurement in (m for m in todo if m.timed):
        finish(measurement, measure(measurement, logs, None))
    processors: SimpleQueue[int] = SimpleQueue()
    available = sorted(os.sched_getaffinity(0))
    for processor in available:
        processors.put(processor)

    def on_its_own(measurement: Measurement) -> None:
        processor = processors.get()
        try:
            finish(measurement, measure(measurement, logs, processor))
        finally:
            processors.put(processor)

    with ThreadPoolExecutor(len(available)) as pool:
        list(pool.map(on_its_own, (m for m in todo if not m.timed)))


if __name__ == "__main__":
    main()
