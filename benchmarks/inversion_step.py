"""Time and peak memory of one optimisation step, an image, beside plain PyTorch.

    python benchmarks/inversion_step.py --out benchmarks/results/inversion_step.json

One step of PmSFC 4x4 (16 codes; equations 7 and 8, pixel loss, gradients of codes and weights,
Adam) at the first layer at 16x16: on the shipped prior, and on PGGAN-256, PGGAN-1024 and
StyleGAN2-256 (configuration F, codes in w) of full width with random weights. Beside ours run
PyTorch versions of the same composition that we wrote (`torch_pggan.py`, `torch_stylegan2.py`): a
plain one, and one that slices the last layer of the head by subspace, as ours does; of StyleGAN2
also one with a grouped convolution and one that filters by shifts. All contenders give the same
losses first, or nothing is timed. Each gets the batch size that is best for it; then all run in
turns, round after round, and medians with quartiles are given. Memory is the resident peak of a
process of its own (of the device on an accelerator), libraries and weights included.

Where there is no PyTorch its columns are left out. The matrix product rate is that of 1024x1024
float32 products in jax. The work of a step is counted from the network's shapes: the forward pass
and as much again for the gradients of the features, as weights are frozen; a doubling convolution
of PGGAN counts as a plain 3x3 one, though ours does it with fewer products, and one of StyleGAN2
as what it is.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from inversion_cases import BATCHES, CASES, Case, R, make_case, start_arrays

import pmsfc_jax as pm
from pmsfc_jax.evaluation.memory import peak_memory
from pmsfc_jax.inversion.form import form_of, traced
from pmsfc_jax.inversion.optimise import STEPS_PER_CALL, advance, start

OURS, WHOLE = "pmsfc_jax", "pmsfc_jax, whole head"


def our_steps(case: Case, batch: int, *, sliced: bool) -> tuple[Callable[[], np.ndarray], int]:
    """``run() -> losses [n, batch]`` of n steps, and n."""
    steps = STEPS_PER_CALL if case.side < 512 else 1
    config = pm.preset(composition="pmsfc", optimiser="adam", num_steps=steps)
    groups = case.groups if sliced else None
    form = form_of(config, pm.Cut(case.generator, case.layer), pm.IDENTITY, None, groups)
    settings = traced(config, batch)
    target, codes = start_arrays(case, batch)
    masks = np.zeros((R, codes.w.shape[-1]), np.float32)
    for row, group in enumerate(case.groups):
        masks[row, list(group)] = 1
    seen = pm.Observation(target)
    problem, state = start(form, {}, jax.tree.map(jnp.asarray, codes), seen, masks, settings)

    def run() -> np.ndarray:
        nonlocal state
        state, info = advance(form, case.params, {}, problem, state, settings, jnp.int32(steps))
        return np.asarray(info.loss)[:steps]

    return run, steps


def torch_steps(case: Case, name: str, batch: int) -> tuple[Callable[[], np.ndarray], int]:
    """As `our_steps`, one step at a time."""
    target, codes = start_arrays(case, batch)
    inversion = case.peers[name].make(
        jax.tree.map(np.asarray, case.params),
        layer=case.layer,
        target=target,
        z=codes.latent,
        w=codes.w,
        groups=case.groups,
    )
    return lambda: inversion.step().numpy()[None], 1


def steps_of(case: Case, contender: str, batch: int) -> tuple[Callable[[], np.ndarray], int]:
    """``run() -> losses [n, batch]`` of n steps of a contender, and n."""
    if contender in (OURS, WHOLE):
        return our_steps(case, batch, sliced=contender == OURS)
    return torch_steps(case, contender, batch)


def is_sliced(case: Case, contender: str) -> bool:
    """Whether a contender computes each subspace's own channels alone."""
    return contender == OURS or (contender != WHOLE and case.peers[contender].sliced)


def timed(run: Callable[[], np.ndarray], steps: int, batch: int) -> float:
    """Seconds a step and image of one call."""
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) / steps / batch


def matmul_rate() -> float:
    """Float32 operations a second of a 1024x1024 product, the best of five runs of ten."""
    x = jnp.ones((1024, 1024))
    product = jax.jit(lambda x: x @ x)
    product(x).block_until_ready()
    best = np.inf
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(10):
            y = product(x)
        y.block_until_ready()
        best = min(best, time.perf_counter() - began)
    return 10 * 2 * 1024**3 / best


def peak_mib(name: str, contender: str, batch: int) -> float:
    """Peak memory of three steps in a process of its own; see `peak_memory`."""
    command = [sys.executable, __file__, "--memory", name, contender, str(batch)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


def report_memory(name: str, contender: str, batch: int) -> None:
    """The child process of `peak_mib`."""
    case = make_case(name)
    jax.block_until_ready(case.params)
    with peak_memory() as peak:
        run, _ = steps_of(case, contender, batch)
        for _ in range(3):
            run()
    print(peak.mib)


def measure(name: str, with_torch: bool, rounds: int, wanted: list[str] | None) -> dict[str, Any]:
    """One row for each contender on one generator, or for those ``wanted``."""
    case = make_case(name)
    contenders = [OURS, WHOLE, *(case.peers if with_torch else ())]
    contenders = [one for one in contenders if wanted is None or one in wanted]
    losses = {}
    for contender in contenders:
        run, _ = steps_of(case, contender, 1)
        losses[contender] = float(run()[0, 0])
        np.testing.assert_allclose(losses[contender], losses[OURS], rtol=1e-4)
    best: dict[str, int] = {}
    for contender in contenders:
        tries = {}
        for batch in BATCHES[name]:
            run, steps = steps_of(case, contender, batch)
            run()
            tries[batch] = min(timed(run, steps, batch) for _ in range(3))
        best[contender] = min(tries, key=lambda batch: tries[batch])
    runs = {}
    for contender in contenders:
        runs[contender] = steps_of(case, contender, best[contender])
        runs[contender][0]()
    times: dict[str, list[float]] = {contender: [] for contender in contenders}
    for _ in range(rounds):
        for contender, (run, steps) in runs.items():
            times[contender].append(timed(run, steps, best[contender]))
    rows = {}
    for contender in contenders:
        low, median, high = np.percentile(times[contender], (25, 50, 75))
        work = case.macs(sliced=is_sliced(case, contender))
        rows[contender] = {
            "batch": best[contender],
            "seconds": float(median),
            "quartiles": [float(low), float(high)],
            "forward_gmac": work / 1e9,
            "gflops": 2 * 2 * work / median / 1e9,
            "peak_mib": peak_mib(name, contender, best[contender]),
            "loss": losses[contender],
        }
    return {"layer": case.layer, "rows": rows}


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--contenders", nargs="+", help="these alone, ours among them")
    parser.add_argument("--out", type=Path, default=Path("inversion_step.json"))
    parser.add_argument("--memory", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        report_memory(options.memory[0], options.memory[1], int(options.memory[2]))
        return
    try:
        import torch

        versions = {"torch": torch.__version__, "torch_threads": torch.get_num_threads()}
    except ImportError:
        versions = {}
    record: dict[str, Any] = {
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        **versions,
        "matmul_gflops": matmul_rate() / 1e9,
        "cases": {},
    }
    print(f"matrix products: {record['matmul_gflops']:.0f} GFLOP/s", flush=True)
    print(
        "| generator | contender | batch | ms a step and image | quartiles | GFLOP/s | peak MiB |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in options.cases:
        record["cases"][name] = measure(name, bool(versions), options.rounds, options.contenders)
        for contender, row in record["cases"][name]["rows"].items():
            low, high = (f"{1e3 * q:.1f}" for q in row["quartiles"])
            print(
                f"| {name} | {contender} | {row['batch']} | {1e3 * row['seconds']:.1f} "
                f"| {low} to {high} | {row['gflops']:.0f} | {row['peak_mib']:.0f} |",
                flush=True,
            )
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
