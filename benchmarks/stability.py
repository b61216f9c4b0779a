"""Which subspaces of a prior are found again from other latents, and with which settings.

    python benchmarks/stability.py --out benchmarks/results/stability.json

Two independent sets of latents give two Gram matrices of a layer; for every number of subspaces,
solver, penalty and refinement each gives a partition (with a k-means key of its own); what counts
is the adjusted Rand index of the two. Several such pairs are drawn.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.subspace import (
    adjusted_rand_index,
    affinity,
    cosine_affinity,
    feature_gram,
    self_expression,
    spectral_clustering,
)
from pmsfc_jax.subspace.self_expression import SOLVERS

# As the authors' released script refines its affinity, with 6 dimensions a subspace.
RELEASED = {"keep_mass": 0.2, "affinity_power": 2.0}
DIMENSION = 6
HOLDS = 0.9  # a least index over the pairs from which on a setting is said to hold
AffinityOf = Callable[[int], jax.Array]


def affinities(gram: jax.Array, options: argparse.Namespace) -> Iterator[tuple[dict, AffinityOf]]:
    """Every setting with the affinity it gives for R subspaces; coefficients are solved once."""

    def same_for_all(matrix: jax.Array) -> AffinityOf:
        return lambda number: matrix

    def released(coefficients: jax.Array) -> AffinityOf:
        channels = coefficients.shape[0]
        return lambda number: affinity(
            coefficients, rank=min(DIMENSION * number + 1, channels), **RELEASED
        )

    cosines = same_for_all(cosine_affinity(gram))
    yield {"solver": "cosine", "mu_factor": None, "refinement": "plain"}, cosines
    for solver in options.solvers:
        default = self_expression(gram, method=solver).mu
        for factor in options.mu_factors:
            coefficients = self_expression(gram, method=solver, mu=factor * default).coefficients
            if not np.any(np.asarray(coefficients)):  # a sparse solver with too large a penalty
                continue
            setting = {"solver": solver, "mu_factor": factor}
            yield setting | {"refinement": "plain"}, same_for_all(affinity(coefficients))
            yield setting | {"refinement": "released"}, released(coefficients)


def partitions(gram: jax.Array, key: jax.Array, options: argparse.Namespace) -> dict[str, dict]:
    """Labels of every setting and R, by a name made of both."""
    found = {}
    for setting, affinity_of in affinities(gram, options):
        for number in options.numbers:
            try:
                labels = spectral_clustering(
                    affinity_of(number), number, key=key, num_restarts=options.restarts
                )
            except pm.InputError:  # fewer channels are related to any other than R
                continue
            row = {"num_subspaces": number, **setting}
            found[json.dumps(row)] = {"setting": row, "labels": np.asarray(labels)}
    return found


def layer_rows(generator, params, layer: int, options: argparse.Namespace) -> list[dict]:
    """One row a setting: the index of each pair, and how large the largest subspace is."""
    scores: dict[str, list[float]] = {}
    settings: dict[str, dict] = {}
    shares: dict[str, list[float]] = {}
    for pair in range(options.pairs):
        sides = []
        for side in range(2):
            key = jax.random.fold_in(jax.random.key(options.seed), 2 * pair + side)
            gram = feature_gram(
                generator, params, layer=layer, key=key, num_samples=options.samples
            )
            sides.append(partitions(gram, jax.random.fold_in(key, 1), options))
        for name in (name for name in sides[0] if name in sides[1]):
            one, other = (side[name]["labels"] for side in sides)
            settings[name] = sides[0][name]["setting"]
            scores.setdefault(name, []).append(adjusted_rand_index(one, other))
            shares.setdefault(name, []).append(float(np.bincount(one).max() / one.size))
    return [
        {
            "layer": layer,
            **settings[name],
            "ari": scores[name],
            "ari_mean": float(np.mean(scores[name])),
            "ari_least": float(np.min(scores[name])),
            "largest_share": float(np.mean(shares[name])),
        }
        for name in sorted(scores, key=lambda name: settings[name]["num_subspaces"])
    ]


def column(row: dict) -> str:
    """The name of a row's setting, without layer and R."""
    penalty = "" if row["mu_factor"] is None else f" {row['mu_factor']:g} mu"
    return f"{row['solver']}{penalty}, {row['refinement']}"


def tables(rows: list[dict], options: argparse.Namespace) -> str:
    """Markdown: mean index by layer and R, a setting a column; then where each setting holds."""
    names = list(dict.fromkeys(column(row) for row in rows))
    cells = {(row["layer"], row["num_subspaces"], column(row)): row for row in rows}
    lines = [
        f"Adjusted Rand index of partitions from {options.pairs} pairs of {options.samples} "
        f"latents: mean (least) [share of channels in the largest subspace]. {options.generator}, "
        f"{options.restarts} k-means restarts; `mu` is the solver's default.",
        "",
        "| layer | R | " + " | ".join(names) + " |",
        "|---" * (len(names) + 2) + "|",
    ]
    for layer, number in dict.fromkeys((row["layer"], row["num_subspaces"]) for row in rows):
        found = [cells.get((layer, number, name)) for name in names]
        texts = [
            f"{row['ari_mean']:.2f} ({row['ari_least']:.2f}) [{row['largest_share']:.2f}]"
            if row
            else "-"
            for row in found
        ]
        lines.append(f"| {layer} | {number} | " + " | ".join(texts) + " |")
    lines += [
        "",
        f"Settings by the share of (layer, R) where the least index is at least {HOLDS}:",
        "",
        "| setting | holds | mean index | layers and R where it holds |",
        "|---|---|---|---|",
    ]

    def holding(name: str) -> list[dict]:
        return [row for row in rows if column(row) == name and row["ari_least"] >= HOLDS]

    for name in sorted(names, key=lambda name: -len(holding(name))):
        own = [row for row in rows if column(row) == name]
        places = ", ".join(f"{row['layer']}:{row['num_subspaces']}" for row in holding(name))
        mean = np.mean([row["ari_mean"] for row in own])
        lines.append(f"| {name} | {len(holding(name))}/{len(own)} | {mean:.2f} | {places} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generator", default="pggan_tops32")
    parser.add_argument("--layers", type=int, nargs="+", help="default: all")
    parser.add_argument("--numbers", type=int, nargs="+", default=[2, 3, 4, 6, 8, 12, 16])
    parser.add_argument("--solvers", nargs="+", choices=list(SOLVERS), default=list(SOLVERS))
    parser.add_argument("--mu-factors", type=float, nargs="+", default=[0.1, 1, 10])
    parser.add_argument("--samples", type=int, default=4096, help="latents in each set")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--restarts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("stability.json"))
    options = parser.parse_args()

    generator, params = pm.load_generator(options.generator)
    rows = []
    for layer in options.layers or range(generator.spec.num_layers):
        start = time.perf_counter()
        rows += layer_rows(generator, params, layer, options)
        print(f"layer {layer}: {time.perf_counter() - start:.0f} s", flush=True)
    report = {
        "generator": options.generator,
        "weights": generator.spec.identity,
        "samples": options.samples,
        "pairs": options.pairs,
        "restarts": options.restarts,
        "seed": options.seed,
        "jax": jax.__version__,
        "rows": rows,
    }
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    text = tables(rows, options)
    options.out.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
