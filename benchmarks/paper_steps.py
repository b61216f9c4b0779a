"""How far the minimisation of equation 6 gets, by start, learning rate and number of steps.

    python benchmarks/paper_steps.py --out benchmarks/results/paper_steps.json

The defaults of `PaperOptions` were chosen by this. All searches see the same latents, and the
objective of all is measured on the same held-out ones, in units of the features' energy. The rows
called "no steps" are the lasso and the ridge solution as they are.
"""

import argparse
import json
import time
from itertools import product
from pathlib import Path

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.subspace import PaperOptions, feature_gram, paper_expression


def main(arguments: list[str] | None = None) -> None:
    """Run every search and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generator", default="pggan_tops32")
    parser.add_argument("--layers", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--starts", nargs="+", default=["lasso", "ridge"])
    parser.add_argument("--rates", type=float, nargs="+", default=[0.003, 0.01, 0.03])
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--held-out", type=int, default=256)
    parser.add_argument("--samples", type=int, default=4096, help="latents in the Gram matrix")
    parser.add_argument("--out", type=Path, default=Path("paper_steps.json"))
    options = parser.parse_args(arguments)

    generator, params = pm.load_generator(options.generator)
    rows = []
    print("| layer | start | rate | steps | objective | image error | zeros | KKT | s |")
    print("|---" * 9 + "|")
    for layer in options.layers:
        gram = feature_gram(
            generator, params, layer=layer, key=jax.random.key(0), num_samples=options.samples
        )
        energy = float(np.trace(gram))
        searches = [(start, 0.0, 0) for start in options.starts]
        searches += list(product(options.starts, options.rates, options.steps))
        for start, rate, steps in searches:
            began = time.perf_counter()
            # A rate that float32 rounds to 0 measures the start itself.
            found = paper_expression(
                generator,
                params,
                gram,
                layer=layer,
                key=jax.random.key(1),
                options=PaperOptions(
                    num_steps=steps or 1,
                    learning_rate=rate or 1e-300,
                    batch_size=options.batch_size,
                    num_held_out=options.held_out,
                    start=start,
                ),
            )
            size = float(np.sum(np.abs(np.asarray(found.coefficients, np.float64))))
            image = found.image_weight * found.image_error
            row = {
                "layer": layer,
                "start": start,
                "rate": rate,
                "steps": steps,
                "objective": found.residual + (image + found.mu * size) / energy,
                "residual": found.residual,
                "image_error": found.image_error,
                "sparsity": found.sparsity,
                "kkt_residual": found.kkt_residual,
                "converged": found.converged,
                "seconds": time.perf_counter() - began,
            }
            rows.append(row)
            print(
                f"| {layer} | {start} | {f'{rate:g}' if steps else ''} | {steps or 'no'} "
                f"| {row['objective']:.4f} | {row['image_error']:.5f} | {row['sparsity']:.2f} "
                f"| {row['kkt_residual']:.3f} | {row['seconds']:.0f} |",
                flush=True,
            )
    report = {
        "generator": options.generator,
        "weights": generator.spec.identity,
        "batch_size": options.batch_size,
        "held_out": options.held_out,
        "samples": options.samples,
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "rows": rows,
    }
    options.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
