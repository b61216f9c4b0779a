"""Do edits with discovered subspaces stay where they should, beside random partitions?

    pmsfc fetch faces64
    python benchmarks/edits.py faces64 --layer 2 --squeezenet FILE
    python benchmarks/edits.py pggan_tops32 --layer 3 --squeezenet FILE --clothing FOLDER

Random pictures exchange one subspace at a time with others, everywhere or within one part
(`pmsfc_jax.evaluation.edits`). With a folder of labelled garments also how selectively labels move:
linear probes on descriptors of the photographs, whose balanced accuracy on held-out ones is told.
Writes ``benchmarks/results/edits_NAME.json`` and a table in Markdown beside it.
"""

import argparse
import csv
import json
from pathlib import Path

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.evaluation.edits import Question, edits_beside_random, sample_pairs
from pmsfc_jax.evaluation.edits_table import as_markdown
from pmsfc_jax.io.images import load_photographs
from pmsfc_jax.metrics import load_squeezenet, perceptual_distance, perceptual_embedding
from pmsfc_jax.tasks.edit.directions import linear_boundary

RESULTS = Path(__file__).parent / "results"
#: Labels with photographs enough to learn from.
LABELS = ("T-Shirt", "Longsleeve", "Shirt", "Outwear")
#: Independent streams of the seed's key.
DISCOVERY, PARTS, PAIRS, OWN, RANDOM = range(5)


def probes(folder: Path, embed, size: tuple[int, int], most: int) -> tuple[dict, dict[str, float]]:
    """Boundaries by label from the split ``train``, and their balanced accuracy on ``test``.

    Of each split the first ``most`` photographs are taken, whose names are random.
    """
    with (folder / "index.csv").open(newline="") as file:
        every = list(csv.DictReader(file))
    rows = []
    for split in ("train", "test"):
        rows += [row for row in every if row["split"] == split][:most]
    paths = [folder / row["split"] / f"{row['image']}.jpg" for row in rows]
    photographs, skipped = load_photographs(paths, size)
    left_out = {skip.path for skip in skipped}
    rows = [row for row, path in zip(rows, paths, strict=True) if path not in left_out]
    described = embed(np.stack([photograph.pixels for photograph in photographs]))
    train = np.array([row["split"] == "train" for row in rows])
    found, accuracy = {}, {}
    for label in LABELS:
        positive = np.array([row["label"] == label for row in rows])
        found[label] = linear_boundary(described[train], positive[train])
        right = (found[label].side(described[~train]) > 0) == positive[~train]
        kinds = positive[~train]
        accuracy[label] = float((right[kinds].mean() + right[~kinds].mean()) / 2)
    return found, accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--layer", type=int, required=True)
    parser.add_argument("--num-subspaces", type=int, default=4)
    parser.add_argument("--num-parts", type=int, default=6)
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument(
        "--judged", type=int, default=6, help="pairs whose limited edits are judged"
    )
    parser.add_argument("--own", type=int, default=300, help="pictures of the generator itself")
    parser.add_argument("--random", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--squeezenet", type=Path, required=True)
    parser.add_argument("--clothing", type=Path, help="folder of labelled garments")
    parser.add_argument("--labelled", type=int, default=600, help="photographs a split, at most")
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--out", type=Path, help="JSON, by default in benchmarks/results")
    options = parser.parse_args()
    generator, params = pm.load_generator(options.name, weights_dir=options.weights_dir)
    keys = jax.random.split(jax.random.key(options.seed), 5)
    layer = options.layer
    network = load_squeezenet(options.squeezenet)

    def embed(images: np.ndarray) -> np.ndarray:
        return np.asarray(perceptual_embedding(network, images))

    found = pm.discover_subspaces(
        generator, params, layer=layer, num_subspaces=options.num_subspaces, key=keys[DISCOVERY]
    )
    parts = pm.find_parts(
        generator, params, layer=layer, num_parts=options.num_parts, key=keys[PARTS]
    )
    own = np.concatenate([
        np.asarray(generator(params, generator.draw(params, key, 50)))
        for key in jax.random.split(keys[OWN], -(-options.own // 50))
    ])[: options.own]  # fmt: skip
    labels, accuracy = {}, {}
    if options.clothing:
        labels, accuracy = probes(
            options.clothing, embed, generator.spec.image_shape[:2], options.labelled
        )
        print("held-out accuracy", accuracy, flush=True)
    question = Question(
        generator,
        params,
        layer,
        sample_pairs(generator, params, layer=layer, key=keys[PAIRS], num=options.pairs),
        parts,
        distance=lambda a, b: np.asarray(perceptual_distance(network, a, b)),
        embed=embed,
        own=embed(pm.to_uint8(own)),
        probes=labels,
        num_judged=options.judged,
    )
    beside = edits_beside_random(
        question,
        np.asarray(found.masks),
        key=keys[RANDOM],
        num_random=options.random,
        on_progress=lambda done, total: print(f"{done} of {total} partitions", flush=True),
    )
    record = {
        "generator": generator.spec.name,
        "weights_sha256": generator.spec.identity,
        "layer": layer,
        "sizes": np.asarray(found.masks).sum(axis=1).astype(int).tolist(),
        "num_parts": options.num_parts,
        "part_shares": parts.about["shares"],
        "pairs": options.pairs,
        "judged": options.judged,
        "own": options.own,
        "num_random": options.random,
        "seed": options.seed,
        "unedited_precision": beside.unedited,
        "labelled": options.labelled if options.clothing else None,
        "held_out_accuracy": accuracy,
        "concentration": np.round(beside.edits.concentration, 4).tolist(),
        "scores": np.round(beside.edits.scores, 4).tolist(),
        "measures": {
            name: {"value": row.value, "random": row.random.tolist()}
            for name, row in beside.measures.items()
        },
        "jax": jax.__version__,
    }
    path = options.out or RESULTS / f"edits_{generator.spec.name}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    table = as_markdown(record)
    path.with_suffix(".md").write_text(table)
    print(table)


if __name__ == "__main__":
    main()
