"""What the solvers of discovery cost and reach, beside gradient descent on the same problem.

    python benchmarks/discovery.py --out benchmarks/results/discovery.json

Gram matrices: of a fixed random network whose 512 channels form 8 groups, and of one layer of the
shipped prior. On each, ridge, lasso and elastic net (after compilation, median of several calls of
`self_expression`, which includes checking and measuring). Beside them "Adam", our own writing of
the way that deep subspace clustering and the released scripts go: a coefficient matrix that starts
constant at 1e-4 is trained by Adam, here on the whole Gram matrix (so without the noise of
minibatches), at the rate of 1e-4 and at the best of three, on the objective of ridge or of lasso at
the same penalty. Objectives are in units of the features' energy. Held-out residuals are compared
with those of ridge and lasso at the same off-diagonal norm, interpolated on a path of penalties.
Peak memory is that
of processes that do nothing but stream latents into a Gram matrix of the random network.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import pmsfc_jax as pm
from pmsfc_jax.core.generator import GeneratorSpec, SplitGenerator, latent_vector, normal_prior
from pmsfc_jax.subspace import MuPath, choose_mu, feature_gram, residual, self_expression

METHODS = ("ridge", "lasso", "elastic_net")
L1_SHARE = {"ridge": 0.0, "lasso": 1.0, "elastic_net": 0.5}
RATES = (1e-4, 1e-3, 1e-2)
CONSTANT = 1e-4
SIDE, LATENT, GROUPS, DIMENSION, SLOPE = 4, 64, 8, 12, 0.2


def random_network(channels: int) -> tuple[SplitGenerator, dict[str, np.ndarray]]:
    """Channels in groups that each mix maps of their own, and a part that relates them all."""
    rng = np.random.default_rng(0)
    sources = GROUPS * DIMENSION
    labels = np.arange(channels) % GROUPS
    same_group = np.repeat(np.arange(GROUPS), DIMENSION)[:, None] == labels[None, :]
    params = {
        "sources": rng.standard_normal((LATENT, SIDE * SIDE * sources)) / np.sqrt(LATENT),
        "mixing": rng.standard_normal((sources, channels)) * same_group / np.sqrt(DIMENSION),
        "dense": rng.standard_normal((LATENT, SIDE * SIDE * channels)) / np.sqrt(LATENT) / 3,
        "to_rgb": rng.standard_normal((channels, 3)) / np.sqrt(channels),
    }

    def head(params, z, *, layer):
        maps = jax.nn.leaky_relu(z @ params["sources"], SLOPE)
        own = maps.reshape(-1, SIDE, SIDE, sources) @ params["mixing"]
        dense = (z @ params["dense"]).reshape(-1, SIDE, SIDE, channels)
        return jax.nn.leaky_relu(own + dense, SLOPE), None

    def tail(params, features, context, *, layer):
        return jnp.tanh(features @ params["to_rgb"])

    spec = GeneratorSpec(
        name="random network",
        latent=latent_vector(LATENT),
        image_shape=(SIDE, SIDE, 3),
        feature_shapes=((SIDE, SIDE, channels),),
        prior=normal_prior(LATENT),
    )
    return SplitGenerator(spec, head, tail), {k: v.astype(np.float32) for k, v in params.items()}


def objective(gram: np.ndarray, coefficients: np.ndarray, mu: float, l1_share: float) -> float:
    """What a method minimises, in float64, over the energy of the features."""
    s = np.asarray(coefficients, np.float64)
    missing = np.eye(len(gram)) - s
    penalty = l1_share * np.sum(np.abs(s)) + (1 - l1_share) * np.sum(s**2)
    return float((np.sum(missing * (gram @ missing)) + mu * penalty) / np.trace(gram))


def median_seconds(call: Callable[[], object], repeats: int) -> float:
    """Median duration after one call that compiles."""
    call()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


@partial(jax.jit, static_argnames="steps")
def adam(gram, coefficients, state, mu, l1_share, rate, steps):
    """Adam on Theta; the norm's subgradient is the sign, the diagonal stays zero."""
    identity = jnp.eye(gram.shape[0], dtype=gram.dtype)

    def one(carry, _):
        s, state = carry
        gradient = 2 * (gram @ (s - identity))
        gradient += mu * (l1_share * jnp.sign(s) + 2 * (1 - l1_share) * s)
        with jax.numpy_dtype_promotion("standard"):
            update, state = optax.scale_by_adam().update(
                jnp.where(identity > 0, 0, gradient), state
            )
        return (s - rate * update, state), None

    return jax.lax.scan(one, (coefficients, state), length=steps)[0]


def by_adam(gram: np.ndarray, method: str, mu: float, rate: float, marks: list[int]) -> list[dict]:
    """The state of one run of Adam after each number of steps in ``marks``."""
    matrix = jnp.asarray(gram, jnp.float32)
    s = CONSTANT * (1 - jnp.eye(len(gram), dtype=jnp.float32))
    state = optax.scale_by_adam().init(s)
    rows, seconds, before = [], 0.0, 0
    for mark in marks:
        scalars = [np.float32(value) for value in (mu, L1_SHARE[method], rate)]
        run = adam.lower(matrix, s, state, *scalars, steps=mark - before).compile()
        began = time.perf_counter()
        s, state = jax.block_until_ready(run(matrix, s, state, *scalars))
        seconds += time.perf_counter() - began
        rows.append(
            {"steps": mark, "rate": rate, "seconds": seconds, "coefficients": np.asarray(s)}
        )
        before = mark
    return rows


def at_norm(path: MuPath, norm: float) -> float | None:
    """Held-out residual of a path where its off-diagonal norm is ``norm``, None beyond its ends."""
    norms = path.off_diagonal_norm
    if not norms.min() < norm < norms.max():
        return None
    return float(np.interp(norm, norms, path.held_out_residual))


def rows_of(name: str, gram: np.ndarray, held_out: np.ndarray, options) -> list[dict]:
    """Every solver and Adam on one Gram matrix."""
    rows = []

    def add(method, how, seconds, coefficients, mu, **more):
        rows.append(
            {
                "gram": name,
                "channels": len(gram),
                "objective_of": method,
                "how": how,
                "seconds": seconds,
                "objective": objective(gram, coefficients, mu, L1_SHARE[method]),
                "off_diagonal_norm": float(np.linalg.norm(coefficients)),
                "held_out_residual": residual(held_out, coefficients),
                **more,
            }
        )
        print(json.dumps(rows[-1]), flush=True)

    for method in METHODS:
        for precision in ("float64", "float32"):
            solve = partial(self_expression, gram, method=method, precision=precision)
            seconds, result = median_seconds(solve, options.repeats), solve()
            more = {"kkt_residual": result.kkt_residual, "iterations": result.iterations}
            add(method, precision, seconds, result.coefficients, result.mu, **more)
    paths = {
        method: choose_mu(gram, held_out, method=method, num=options.penalties, smallest=1e-3)
        for method in METHODS[:2]
    }
    for method in METHODS[:2]:
        mu = self_expression(gram, method=method).mu
        for row in (r for rate in RATES for r in by_adam(gram, method, mu, rate, options.steps)):
            s = row.pop("coefficients")
            norm = float(np.linalg.norm(s))
            matched = {other: at_norm(path, norm) for other, path in paths.items()}
            add(method, "adam", row.pop("seconds"), s, mu, **row, held_out_at_same_norm=matched)
    return rows


def peak_memory(latents: int, channels: int) -> float:
    """MiB of a fresh process that streams so many latents into a Gram matrix."""
    command = [sys.executable, __file__, "--stream", str(latents), "--channels", str(channels)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def stream(latents: int, channels: int) -> None:
    """What the process of `peak_memory` does."""
    generator, params = random_network(channels)
    feature_gram(generator, params, layer=0, key=jax.random.key(0), num_samples=latents)
    # Linux counts in KiB, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def table(report: dict) -> str:
    """Markdown of everything in the report."""

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.4f}"

    lines = [
        "| Gram matrix | objective | how | s | objective reached | norm | held-out residual "
        "| ridge, same norm | lasso, same norm |",
        "|---" * 9 + "|",
    ]
    for row in report["rows"]:
        how = row["how"]
        if how == "adam":
            how = f"Adam, {row['steps']} steps at {row['rate']:g}"
        matched = row.get("held_out_at_same_norm", {})
        lines.append(
            f"| {row['gram']}, {row['channels']} | {row['objective_of']} | {how} "
            f"| {row['seconds']:.3f} | {row['objective']:.4f} | {row['off_diagonal_norm']:.2f} "
            f"| {row['held_out_residual']:.4f} | {number(matched.get('ridge'))} "
            f"| {number(matched.get('lasso'))} |"
        )
    lines += ["", "| latents | peak memory, MiB |", "|---|---|"]
    lines += [f"| {count} | {mib:.0f} |" for count, mib in report["peak_memory_mib"].items()]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run everything and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, default=512, help="of the random network")
    parser.add_argument("--generator", default="pggan_tops32", help="converted weights, or none")
    parser.add_argument("--layer", type=int, default=4)
    parser.add_argument("--samples", type=int, default=4096, help="latents, and as many held out")
    parser.add_argument("--steps", type=int, nargs="+", default=[200, 10_000], help="of Adam")
    parser.add_argument("--latents", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--penalties", type=int, default=25, help="on a path, for equal norms")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    parser.add_argument("--stream", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=Path("discovery.json"))
    options = parser.parse_args(arguments)
    if options.stream:
        stream(options.stream, options.channels)
        return
    if options.quick:
        options.channels, options.samples, options.generator = 24, 128, "none"
        options.steps, options.latents, options.repeats, options.penalties = [5, 20], [64], 1, 4

    sources = [("random network", *random_network(options.channels), 0)]
    if options.generator != "none":
        sources.append((options.generator, *pm.load_generator(options.generator), options.layer))
    rows = []
    for name, generator, params, layer in sources:
        grams = [
            np.asarray(
                feature_gram(
                    generator,
                    params,
                    layer=layer,
                    key=jax.random.key(seed),
                    num_samples=options.samples,
                ),
                np.float64,
            )
            for seed in range(2)
        ]
        rows += rows_of(name, *grams, options)
    report = {
        "layer": options.layer,
        "samples": options.samples,
        "adam": f"on the Gram matrix, from a constant {CONSTANT:g}, float32",
        "repeats": options.repeats,
        "device": jax.devices()[0].device_kind,
        "processors": os.cpu_count(),
        "jax": jax.__version__,
        "peak_memory_mib": {
            count: peak_memory(count, options.channels) for count in options.latents
        },
        "rows": rows,
    }
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    print("\n" + table(report))


if __name__ == "__main__":
    main()
