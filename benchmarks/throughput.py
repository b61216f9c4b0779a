"""Images a second of whole inversions over batch sizes, and what bounds each layer.

    python benchmarks/throughput.py --case 256 --method mganprior --codes 30 --steps 1000 \
        --optimiser adam --batches 1 4 16 64 --out throughput.json

For accelerators above all: one command on the machine in question, which may have several devices
(batches have to be multiples of their number). A batch is timed for `--loops` compiled loops of ten
steps, compilation excluded, and an image's time is that of `--steps` of them over the batch. A
batch that does not fit into memory ends the table.

What bounds a layer is said by counts: its operations over the machine's measured rate of matrix
products, beside the bytes of its input, output and kernel over the measured rate of copying,
for the largest batch that was timed. Convolutions count as plain ones.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from inversion_cases import PGGAN_CASES, Case, make_case
from inversion_step import matmul_rate

import pmsfc_jax as pm
from pmsfc_jax.evaluation.memory import peak_memory
from pmsfc_jax.inversion.compositions import COMPOSITIONS, composition_of
from pmsfc_jax.inversion.solvers import SOLVERS

#: Steps of a compiled loop.
LOOP = 10


def config_of(options: argparse.Namespace, layer: int, batch: int) -> pm.InversionConfig:
    """The settings that are timed."""
    return pm.preset(
        composition=options.method,
        layer=layer,
        codes_per_subspace=options.codes,
        optimiser=options.optimiser,
        num_steps=LOOP * (options.loops + 1),
        batch_size=batch,
        precision=options.precision,
    )


def subspaces_of(case: Case) -> pm.Subspaces:
    """The case's partition in the form that `invert` takes."""
    channels = case.generator.spec.feature_shape(case.layer)[-1]
    labels = np.zeros(channels, np.int32)
    for number, group in enumerate(case.groups):
        labels[list(group)] = number
    return pm.subspaces_from_labels(labels, case.layer, case.generator)


def timed(case: Case, options: argparse.Namespace, subspaces: Any, batch: int) -> dict[str, Any]:
    """Seconds an image of `--steps` steps, and the peak of memory."""
    rng = np.random.default_rng(1)
    targets = rng.uniform(-1, 1, (batch, *case.generator.spec.image_shape)).astype(np.float32)
    marks: list[float] = []
    with peak_memory() as peak:
        pm.invert(
            case.generator,
            case.params,
            targets,
            subspaces=subspaces,
            key=jax.random.key(0),
            config=config_of(options, case.layer, batch),
            on_progress=lambda done, total, loss: marks.append(time.perf_counter()),
        )
    loops = np.diff(marks)
    seconds = float(np.median(loops)) / LOOP / batch * options.steps
    return {
        "batch": batch,
        "seconds_per_image": seconds,
        "quartiles": (np.percentile(loops, (25, 75)) / LOOP / batch * options.steps).tolist(),
        "images_per_second": 1 / seconds,
        "peak_mib": peak.mib,
        "peak_kind": peak.kind,
    }


def copy_rate() -> float:
    """Bytes read and written a second when 256 MiB are changed in place of a copy."""
    x = jnp.ones((64, 2**20))
    change = jax.jit(lambda x: x + 1)
    change(x).block_until_ready()
    best = np.inf
    for _ in range(5):
        began = time.perf_counter()
        change(x).block_until_ready()
        best = min(best, time.perf_counter() - began)
    return 2 * x.nbytes / best


def bounds(case: Case, images: int, operations: float, copied: float) -> list[dict[str, Any]]:
    """Of each layer of a forward pass: operations, bytes, and which of the two takes longer."""
    rows, config = [], case.config
    for i, width in enumerate(config.widths):
        side, count, flops = config.layer_resolution(i), images, 2.0 * case.layer_macs(i)
        if i == 0:
            moved, kernel = config.latent_dim + side**2 * width, config.latent_dim * 16 * width
        else:
            below, incoming = config.layer_resolution(i - 1), config.widths[i - 1]
            moved, kernel = below**2 * incoming + side**2 * width, 9 * incoming * width
        arithmetic = count * flops / operations
        memory = 4 * (count * moved + kernel) / copied
        rows.append(
            {
                "layer": i,
                "side": side,
                "width": width,
                "gflop": count * flops / 1e9,
                "mib": 4 * (count * moved + kernel) / 2**20,
                "bound": "arithmetic" if arithmetic > memory else "memory",
                "ratio": arithmetic / memory,
            }
        )
    return rows


def main(arguments: list[str] | None = None) -> None:
    """Measure, print tables, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", default="prior", choices=PGGAN_CASES)
    parser.add_argument("--method", default="pmsfc_full", choices=COMPOSITIONS)
    parser.add_argument("--codes", type=int, default=4, help="in each of four subspaces, or in all")
    parser.add_argument("--optimiser", default="lbfgs", choices=SOLVERS)
    parser.add_argument("--steps", type=int, default=150, help="that an image's time is given for")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--loops", type=int, default=5)
    parser.add_argument("--precision", default="default", choices=("default", "high", "highest"))
    parser.add_argument("--out", type=Path, default=Path("throughput.json"))
    options = parser.parse_args(arguments)
    case = make_case(options.case)
    by_subspace = composition_of(options.method).by_subspace
    subspaces = subspaces_of(case) if by_subspace else None
    device = jax.devices()[0].device_kind
    print(f"{options.case}, {options.method}, {jax.local_device_count()} {device}", flush=True)
    print("| batch | s an image | quartiles | images a second | peak MiB |\n|---|---|---|---|---|")
    rows: list[dict[str, Any]] = []
    for batch in options.batches:
        try:
            row = timed(case, options, subspaces, batch)
        except jax.errors.JaxRuntimeError as error:
            print(f"batch {batch}: {str(error).splitlines()[0]}", flush=True)
            break
        rows.append(row)
        low, high = (f"{q:.2f}" for q in row["quartiles"])
        print(
            f"| {batch} | {row['seconds_per_image']:.2f} | {low} to {high} "
            f"| {row['images_per_second']:.3f} | {row['peak_mib'] or float('nan'):.0f} |",
            flush=True,
        )
    operations, copied = matmul_rate(), copy_rate()
    codes = options.codes * (len(case.groups) if by_subspace else 1)
    largest = rows[-1]["batch"] if rows else 1
    head = bounds(case, largest * codes, operations, copied)[: case.layer + 1]
    layers = head + bounds(case, largest, operations, copied)[case.layer + 1 :]
    print(f"\n{operations / 1e12:.2f} TFLOP/s of matrix products, {copied / 1e9:.0f} GB/s copied\n")
    print("| layer | side | channels | GFLOP | MiB | bound by |\n|---|---|---|---|---|---|")
    for row in layers:
        times = max(row["ratio"], 1 / row["ratio"])
        print(
            f"| {row['layer']} | {row['side']} | {row['width']} | {row['gflop']:.2f} "
            f"| {row['mib']:.0f} | {row['bound']}, {times:.1f} times |"
        )
    settings = {k: v for k, v in vars(options).items() if k != "out"}
    report = settings | {
        "device": device,
        "devices": jax.local_device_count(),
        "jax": jax.__version__,
        "matmul_tflops": operations / 1e12,
        "copied_gb_per_second": copied / 1e9,
        "rows": rows,
        "layers": layers,
    }
    options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
