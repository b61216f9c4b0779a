"""What a TPU's arithmetic costs in PSNR, imitated on a CPU.

    python benchmarks/tpu_rounding.py --clothing FOLDER --out benchmarks/results/tpu_rounding.json

A TPU multiplies in bf16 and adds in float32 unless it is asked for more (`--precision`). Here the
operands of every convolution of generator and gradient are rounded to bf16 (``products``), and the
result too, as if features were kept in bf16 (``features``). Codes, weights, composition, loss and
solver stay in float32. Pictures are judged as the rounding network draws them, and as the exact one
draws them from the same codes. Sixteen test photographs of garments, the shipped prior, 150 steps.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.evaluation.subsets import load_subset
from pmsfc_jax.metrics import psnr

LAYER = 4
ROUNDED = ("nothing", "products", "features")
SOLVERS = ("lbfgs", "adam")


def bf16(x: jax.Array) -> jax.Array:
    """Rounded to bf16, and so is what comes back to it."""
    return x.astype(jnp.bfloat16).astype(x.dtype)


@contextmanager
def rounding(what: str) -> Iterator[None]:
    """All convolutions that are traced inside round their operands, or operands and results."""
    exact: Callable[..., Any] = jax.lax.conv_general_dilated

    def rounded(lhs: jax.Array, rhs: jax.Array, *rest: Any, **named: Any) -> jax.Array:
        found = exact(bf16(lhs), bf16(rhs), *rest, **named)
        return bf16(found) if what == "features" else found

    if what != "nothing":
        jax.lax.conv_general_dilated = rounded
    jax.clear_caches()
    try:
        yield
    finally:
        jax.lax.conv_general_dilated = exact
        jax.clear_caches()


def main() -> None:
    """Invert under each rounding by each solver; print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clothing", type=Path, required=True)
    parser.add_argument("--subset", default="test16")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--out", type=Path, default=Path("tpu_rounding.json"))
    options = parser.parse_args()
    generator, params = pm.load_generator("pggan_tops32")
    subsets = Path(__file__).parent / "subsets.json"
    targets = pm.load_images(load_subset(subsets, options.subset, options.clothing), generator)
    key = jax.random.key(0)
    subspaces = pm.discover_subspaces(generator, params, layer=LAYER, num_subspaces=4, key=key)
    asked = pm.to_uint8(np.asarray(targets))

    rows, settings = [], {"subset": options.subset, "steps": options.steps}
    for solver in SOLVERS:
        config = pm.preset("default", layer=LAYER, num_steps=options.steps, optimiser=solver)
        for what in ROUNDED:
            with rounding(what):
                result = pm.invert(
                    generator, params, targets, subspaces=subspaces, key=key, config=config
                )
            drawn = {
                "by_itself": np.asarray(result.reconstruction),
                "exactly": np.asarray(pm.render(generator, params, result)),
            }
            scores = {name: psnr(asked, pm.to_uint8(x)).tolist() for name, x in drawn.items()}
            rows.append({"solver": solver, "rounded": what} | scores)
            means = ", ".join(f"{name} {np.mean(of):.2f} dB" for name, of in scores.items())
            print(f"{solver}, {what}: {means}", flush=True)
            record = {"jax": jax.__version__, "settings": settings, "rows": rows}
            options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
