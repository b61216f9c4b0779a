"""Which subspaces of a prior are found again from other latents, and with which settings.

    python benchmarks/stability.py --out benchmarks/results/stability.json

Independent sets of latents each give a Gram matrix of a layer; for every number of subspaces,
solver and affinity each set gives a partition (with a k-means key of its own); what counts is the
adjusted Rand index of every pair of sets. The JSON and a Markdown table beside it are written after
every layer, and a run with the same settings goes on where one stopped.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.subspace import (
    adjusted_rand_index,
    affinity,
    cosine_affinity,
    feature_gram,
    paper_expression,
    self_expression,
    spectral_clustering,
)
from pmsfc_jax.subspace.numerics.solvers import PAPER, SOLVERS

# As the released script refines the affinity of the paper ("plain"), with 6 dimensions a subspace.
RELEASED = {"keep_mass": 0.2, "affinity_power": 2.0}
DIMENSION = 6
HOLDS = 0.9  # a least index over the pairs from which on a setting is said to hold
AffinityOf = Callable[[int], jax.Array]


def affinities(
    gram: jax.Array, coefficients_of: Callable[[str], jax.Array], solvers: list[str]
) -> Iterator[tuple[str, AffinityOf]]:
    """Every setting with the affinity it gives for R subspaces; coefficients are solved once."""
    cosines = cosine_affinity(gram)
    yield "cosine", lambda number: cosines
    for solver in solvers:
        coefficients = coefficients_of(solver)
        plain = affinity(coefficients)
        rank = coefficients.shape[0]
        yield f"{solver}, plain", lambda number, plain=plain: plain
        yield (
            f"{solver}, released",
            lambda number, s=coefficients, most=rank: affinity(
                s, rank=min(DIMENSION * number + 1, most), **RELEASED
            ),
        )


def partitions(
    generator, params, layer: int, key: jax.Array, options: argparse.Namespace
) -> dict[tuple[str, int], np.ndarray]:
    """Labels of every setting and R from one set of latents."""
    gram_key, step_key, cluster_key = jax.random.split(key, 3)
    gram = feature_gram(generator, params, layer=layer, key=gram_key, num_samples=options.samples)

    def coefficients_of(solver: str) -> jax.Array:
        if solver == PAPER:
            result = paper_expression(generator, params, gram, layer=layer, key=step_key)
        else:
            result = self_expression(gram, method=solver)
        return result.coefficients

    found = {}
    for setting, affinity_of in affinities(gram, coefficients_of, options.solvers):
        for number in options.numbers:
            try:
                labels = spectral_clustering(
                    affinity_of(number), number, key=cluster_key, num_restarts=options.restarts
                )
            except pm.InputError:  # fewer channels are related to any other than R
                continue
            found[setting, number] = np.asarray(labels)
    return found


def layer_rows(generator, params, layer: int, options: argparse.Namespace) -> list[dict]:
    """One row a setting: the index of each pair, and how large the largest subspace is."""
    keys = jax.random.split(jax.random.fold_in(jax.random.key(options.seed), layer), options.sets)
    sets = [partitions(generator, params, layer, key, options) for key in keys]
    rows = []
    for setting, number in sets[0]:
        every = [found.get((setting, number)) for found in sets]
        if any(labels is None for labels in every):
            continue
        scores = [adjusted_rand_index(one, other) for one, other in combinations(every, 2)]
        rows.append(
            {
                "layer": layer,
                "num_subspaces": number,
                "setting": setting,
                "ari": scores,
                "ari_mean": float(np.mean(scores)),
                "ari_least": float(np.min(scores)),
                "largest_share": float(
                    np.mean([np.bincount(one).max() / one.size for one in every])
                ),
            }
        )
    return rows


def tables(report: dict) -> str:
    """Markdown: mean index by layer and R, a setting a column; then where each setting holds."""
    rows = report["rows"]
    names = list(dict.fromkeys(row["setting"] for row in rows))
    cells = {(row["layer"], row["num_subspaces"], row["setting"]): row for row in rows}
    lines = [
        f"Adjusted Rand index of partitions from {report['sets']} independent sets of "
        f"{report['samples']} latents, every pair of them: mean (least) [share of channels in the "
        f"largest subspace]. {report['generator']}, {report['restarts']} k-means restarts.",
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
        return [row for row in rows if row["setting"] == name and row["ari_least"] >= HOLDS]

    for name in sorted(names, key=lambda name: -len(holding(name))):
        own = [row for row in rows if row["setting"] == name]
        places = ", ".join(f"{row['layer']}:{row['num_subspaces']}" for row in holding(name))
        mean = np.mean([row["ari_mean"] for row in own])
        lines.append(f"| {name} | {len(holding(name))}/{len(own)} | {mean:.2f} | {places} |")
    return "\n".join(lines) + "\n"


def earlier(out: Path, facts: dict) -> dict:
    """The report of a run that stopped, where it had the same settings, else an empty one."""
    fresh = {**facts, "seconds": {}, "rows": []}
    if not out.exists():
        return fresh
    found = json.loads(out.read_text())
    return found if all(found.get(name) == value for name, value in facts.items()) else fresh


def main(arguments: list[str] | None = None) -> None:
    """Run every layer that is missing, and write JSON and Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generator", default="pggan_tops32")
    parser.add_argument("--layers", type=int, nargs="+", help="default: all")
    parser.add_argument("--numbers", type=int, nargs="+", default=[2, 3, 4, 6, 8])
    parser.add_argument(
        "--solvers", nargs="+", choices=[*SOLVERS, PAPER], default=["ridge", "lasso"]
    )
    parser.add_argument("--samples", type=int, default=2048, help="latents in each set")
    parser.add_argument("--sets", type=int, default=4, help="of latents, at least 2")
    parser.add_argument("--restarts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("stability.json"))
    options = parser.parse_args(arguments)

    generator, params = pm.load_generator(options.generator)
    facts = {
        name: getattr(options, name)
        for name in ("generator", "numbers", "solvers", "samples", "sets", "restarts", "seed")
    }
    facts |= {
        "weights": generator.spec.identity,
        "jax": jax.__version__,
        "device": jax.devices()[0].device_kind,
    }
    report = earlier(options.out, facts)
    for layer in options.layers or range(generator.spec.num_layers):
        if str(layer) in report["seconds"]:
            continue
        start = time.perf_counter()
        report["rows"] += layer_rows(generator, params, layer, options)
        report["rows"].sort(key=lambda row: row["layer"])
        report["seconds"][str(layer)] = round(time.perf_counter() - start, 1)
        print(f"layer {layer}: {report['seconds'][str(layer)]:.0f} s", flush=True)
        options.out.write_text(json.dumps(report, indent=2) + "\n")
        options.out.with_suffix(".md").write_text(tables(report))
    print(tables(report))


if __name__ == "__main__":
    main()
