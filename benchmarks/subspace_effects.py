"""Do discovered subspaces act more locally, separately or semantically than random ones?

    python benchmarks/subspace_effects.py --out benchmarks/results/subspace_effects.json

For every layer of a prior, every number of subspaces and every way to relate channels, the
partition that spectral clustering finds is measured on random pairs of codes (see
docs/diagnostics.md), beside random partitions with subspaces of the same sizes on the same pairs.
Writes JSON with every number and, beside it, Markdown with the tables.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.masks import masks_from_labels
from pmsfc_jax.effects.comparison import MEASURES, BesideRandom, beside_random
from pmsfc_jax.inversion.feature_distance import feature_distance
from pmsfc_jax.subspace import (
    affinity,
    channel_effects,
    correlation_affinity,
    cosine_affinity,
    feature_gram,
    feature_mean,
    paper_expression,
    place_affinity,
    self_expression,
    spectral_clustering,
)

# What relates two channels: coefficients of features, likeness of features, likeness of what they
# do to pictures.
AFFINITIES = {
    "ridge": "self-expression of features, ridge (the default of `pmsfc discover`)",
    "paper": "self-expression with L1 norm and image term (equation 6)",
    "cosine": "cosine of features",
    "correlation": "correlation of features",
    "effect": "cosine of the changes that channels make to pictures",
    "effect ridge": "self-expression of these changes, ridge",
    "place": "likeness of where channels change pictures",
}
# The tables by layer show one measure of each claim, and the strictest one of separation.
SHOWN = ("map_area", "alignment", "shared", "colour_spread")
SIGNS = {"more": "+", "same": "o", "less": "-"}
# Independent streams of the seed's key.
FEATURES, EFFECTS, PAPER, CLUSTERING, MEASURING = range(5)


def affinities(generator, params, layer: int, options) -> Iterator[tuple[str, jax.Array]]:
    """Each of `AFFINITIES` that was asked for; one that relates too few channels is left out."""
    key = jax.random.key(options.seed)
    latents = {
        "layer": layer,
        "key": jax.random.fold_in(key, FEATURES),
        "num_samples": options.samples,
    }
    gram = feature_gram(generator, params, **latents)
    effects = None
    if {"effect", "effect ridge", "place"} & set(options.affinities):
        effects = channel_effects(
            Cut(generator, layer),
            params,
            key=jax.random.fold_in(key, EFFECTS),
            num_pairs=options.channel_pairs,
        )

    def paper() -> jax.Array:
        own = jax.random.fold_in(key, PAPER)
        found = paper_expression(generator, params, gram, layer=layer, key=own)
        return affinity(found.coefficients)

    ways: dict[str, Callable[[], jax.Array]] = {
        "ridge": lambda: affinity(self_expression(gram).coefficients),
        "paper": paper,
        "cosine": lambda: cosine_affinity(gram),
        "correlation": lambda: correlation_affinity(
            gram, feature_mean(generator, params, **latents)
        ),
        "effect": lambda: cosine_affinity(effects.gram),
        "effect ridge": lambda: affinity(self_expression(effects.gram).coefficients),
        "place": lambda: place_affinity(effects.energy_maps),
    }
    for name in options.affinities:
        try:
            yield name, ways[name]()
        except pm.InputError as error:
            print(f"layer {layer}, {name}: left out, {error}", flush=True)


def verdict(name: str, value: float, random: np.ndarray) -> str:
    """More or less than every random partition what the measure's claim says, or the same."""
    side = (value > random.max()) * 1 - (value < random.min()) * 1
    return {1: "more", -1: "less", 0: "same"}[side * MEASURES[name].sign]


def row_of(layer: int, number: int, name: str, sizes, found: BesideRandom) -> dict:
    def plain(value: float) -> float | None:
        return round(float(value), 5) if np.isfinite(value) else None

    return {
        "layer": layer,
        "num_subspaces": number,
        "affinity": name,
        "sizes": [int(size) for size in sizes],
        "measures": {
            measure: {
                "value": plain(row.value),
                "random": [plain(value) for value in row.random],
                "deviations": plain(row.score(MEASURES[measure].sign)),
                "verdict": verdict(measure, row.value, row.random),
            }
            for measure, row in found.measures.items()
        },
    }


def layer_rows(generator, params, layer: int, options, distance) -> list[dict]:
    key = jax.random.key(options.seed)
    rows = []
    for name, matrix in affinities(generator, params, layer, options):
        for number in options.numbers:
            try:
                labels = spectral_clustering(
                    matrix,
                    number,
                    key=jax.random.fold_in(key, CLUSTERING),
                    num_restarts=options.restarts,
                )
            except pm.InputError as error:
                print(f"layer {layer}, {name}, R={number}: left out, {error}", flush=True)
                continue
            masks = masks_from_labels(labels, number)
            found = beside_random(
                generator,
                params,
                masks,
                layer=layer,
                key=jax.random.fold_in(key, MEASURING),
                num_random=options.random,
                num_pairs=options.pairs,
                batch_size=options.pairs,
                distance=distance,
                num_distance_pairs=options.distance_pairs,
            )
            rows.append(row_of(layer, number, name, np.asarray(masks).sum(1), found))
    return rows


def cell(row: dict | None, measure: str) -> str:
    if row is None or measure not in row["measures"]:
        return "-"
    found = row["measures"][measure]
    random = np.array(found["random"])
    return f"{found['value']:.3f} / {random.mean():.3f} {SIGNS[found['verdict']]}"


def counts(rows: list[dict], measure: str) -> str:
    found = [row["measures"][measure]["verdict"] for row in rows if measure in row["measures"]]
    return f"{found.count('more')} / {found.count('same')} / {found.count('less')}"


def tables(rows: list[dict], options) -> str:
    """Markdown: counts of verdicts by affinity, by layer, and values by layer and R."""
    names = [name for name in options.affinities if any(r["affinity"] == name for r in rows)]
    measures = [name for name in MEASURES if any(name in row["measures"] for row in rows)]
    layers = sorted({row["layer"] for row in rows})
    by_cell = {(row["layer"], row["num_subspaces"], row["affinity"]): row for row in rows}
    head = ["| affinity | " + " | ".join(measures) + " |", "|---" * (len(measures) + 1) + "|"]
    lines = [
        f"{options.generator}, {options.pairs} pairs of codes, {options.random} random partitions "
        "of the same sizes for each discovered one. More / same / less: in how many of the cells "
        "(layer and number of subspaces) a discovered partition speaks for the claim more than "
        "every random one, lies among them, or speaks for it less than every one.",
        "",
        "| measure | speaks for acting more | when | what it is |",
        "|---|---|---|---|",
        *(
            f"| {name} | {MEASURES[name].claim} | "
            f"{'smaller' if MEASURES[name].sign < 0 else 'larger'} | {MEASURES[name].text} |"
            for name in measures
        ),
        "",
        "All layers and numbers of subspaces, more / same / less:",
        "",
        *head,
    ]
    for name in names:
        own = [row for row in rows if row["affinity"] == name]
        cells = " | ".join(counts(own, measure) for measure in measures)
        lines.append(f"| {name} | {cells} |")
    lines += ["", *(f"- {name}: {AFFINITIES[name]}" for name in names)]
    for name in names[:1]:
        lines += ["", f"{name}, by layer, more / same / less over the numbers of subspaces:", ""]
        lines += [head[0].replace("affinity", "layer"), head[1]]
        for layer in layers:
            own = [row for row in rows if row["affinity"] == name and row["layer"] == layer]
            cells = " | ".join(counts(own, measure) for measure in measures)
            lines.append(f"| {layer} | {cells} |")
    for measure in (name for name in SHOWN if name in measures):
        better = "smaller" if MEASURES[measure].sign < 0 else "larger"
        lines += [
            "",
            f"`{measure}` ({better} is more {MEASURES[measure].claim}), discovered / mean of "
            "random; + more than every random one, o among them, - less:",
            "",
            "| layer | R | " + " | ".join(names) + " |",
            "|---" * (len(names) + 2) + "|",
        ]
        for layer in layers:
            for number in options.numbers:
                found = [cell(by_cell.get((layer, number, name)), measure) for name in names]
                lines.append(f"| {layer} | {number} | " + " | ".join(found) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generator", default="pggan_tops32")
    parser.add_argument("--layers", type=int, nargs="+", help="default: all")
    parser.add_argument("--numbers", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--affinities", nargs="+", choices=list(AFFINITIES), default=[*AFFINITIES])
    parser.add_argument("--samples", type=int, default=4096, help="latents of the Gram matrix")
    parser.add_argument("--channel-pairs", type=int, default=16, help="pairs for each channel")
    parser.add_argument("--pairs", type=int, default=32, help="pairs that effects are measured on")
    parser.add_argument("--distance-pairs", type=int, default=8, help="of them with V")
    parser.add_argument("--random", type=int, default=5, help="random partitions beside each")
    parser.add_argument("--restarts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("subspace_effects.json"))
    options = parser.parse_args()

    generator, params = pm.load_generator(options.generator)
    perceptual = pm.load_perceptual(options.generator)
    distance = feature_distance(perceptual) if perceptual else None
    rows, began = [], time.perf_counter()
    for layer in options.layers or range(generator.spec.num_layers):
        start = time.perf_counter()
        rows += layer_rows(generator, params, layer, options, distance)
        print(f"layer {layer}: {time.perf_counter() - start:.0f} s", flush=True)
    settings = {key: value for key, value in vars(options).items() if key != "out"}
    report = settings | {
        "weights": generator.spec.identity,
        "jax": jax.__version__,
        "seconds": round(time.perf_counter() - began),
        "rows": rows,
    }
    options.out.write_text(json.dumps(report) + "\n")
    text = tables(rows, options)
    options.out.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
