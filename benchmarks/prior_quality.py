"""Measure what a prior draws with a network it never saw, beside photographs as the scale.

    python benchmarks/prior_quality.py --weights pggan_tops32 --photographs FOLDER \
        --judge squeezenet1_0.npz --out benchmarks/results/prior_quality.json

FOLDER holds ``train`` (what the prior was trained on), ``test`` (the same kind, never seen) and
``other`` (another kind). Every picture is brought to the prior's own resolution first, so that all
sides are alike, then enlarged bilinearly to 227 for SqueezeNet v1.0; its features are fire9
averaged over positions. Samples are drawn from the latent prior, without truncation.

Every set has as many pictures as ``test``, since all measures depend on the number. Each row of the
table is a generated side. Precision and recall (k=3) are taken twice: with training photographs,
drawn anew for each draw, as the real side, where the row of test photographs is the scale; and with
the test photographs as the real side, where other training photographs are. Recall alone proves
nothing: see the row of other garments. Fréchet distances are to the test photographs. Means of five
draws, in brackets the standard deviation between draws.

Memorisation: the distance of samples to their nearest training photographs, beside that of test
photographs; of a picture and its mirror image the nearer, as training mirrors. A picture sheet
shows samples and their three nearest. Prints Markdown tables, writes JSON.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.api import to_uint8
from pmsfc_jax.io.find import find_photographs
from pmsfc_jax.io.images import load_photographs, save_png
from pmsfc_jax.metrics import (
    frechet_distance,
    load_squeezenet,
    nearest_neighbours,
    perceptual_embedding,
    precision_recall,
)
from pmsfc_jax.metrics.distribution import Neighbours
from pmsfc_jax.report.sheet import grid

K = 3
#: Samples that are drawn at a time.
CHUNK = 64
#: Samples whose nearest training photographs are shown, and how many of those.
SHOWN, NEAREST = 32, 3
MEASURES = {
    "precision_train": "precision, train",
    "recall_train": "recall, train",
    "precision_test": "precision, test",
    "recall_test": "recall, test",
    "frechet_test": "Fréchet to test",
}


def read_folder(folder: Path, side: tuple[int, int]) -> np.ndarray:
    """All photographs of ``folder`` as uint8 ``[n, H, W, 3]``."""
    photographs, skipped = load_photographs(find_photographs([folder]), side)
    if skipped:
        raise pm.InputError(f"{skipped[0].path}: {skipped[0].reason}")
    return np.stack([photograph.pixels for photograph in photographs])


def sampler(generator: pm.SplitGenerator, params) -> Callable[[jax.Array, int], np.ndarray]:
    """``(key, num) -> uint8 [num, H, W, 3]``, drawn in chunks of one compiled shape."""
    draw = jax.jit(lambda params, z: generator(params, z))

    def sample(key: jax.Array, num: int) -> np.ndarray:
        padded = -(-num // CHUNK) * CHUNK
        z = generator.spec.prior.draw(key, padded)
        chunks = [draw(params, z[i : i + CHUNK]) for i in range(0, padded, CHUNK)]
        return to_uint8(np.concatenate(chunks)[:num])

    return sample


def nearest_in_training(embed, images: np.ndarray, training: np.ndarray) -> Neighbours:
    """Nearest training photographs of each picture or its mirror image, whichever is nearer."""
    ways = [
        nearest_neighbours(embed(turned), training, NEAREST)
        for turned in (images, images[:, :, ::-1])
    ]
    mirrored = ways[1].distances[:, :1] < ways[0].distances[:, :1]
    return Neighbours(*(np.where(mirrored, b, a) for a, b in zip(*ways, strict=True)))


def measures(train: np.ndarray, test: np.ndarray, generated: np.ndarray) -> tuple[float, ...]:
    """The five numbers of one draw of one row, in the order of `MEASURES`.

    Test photographs against themselves would say nothing: NaN.
    """
    if generated is test:
        return (*precision_recall(train, generated, K), np.nan, np.nan, np.nan)
    return (
        *precision_recall(train, generated, K),
        *precision_recall(test, generated, K),
        frechet_distance(generated, test),
    )


def spread(distances: np.ndarray) -> dict[str, float]:
    """Least, median and mean of the distances to the nearest training photograph."""
    nearest = distances[:, 0]
    return {
        "least": float(nearest.min()),
        "median": float(np.median(nearest)),
        "mean": float(nearest.mean()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="pggan_tops32", help="name or folder of a prior")
    parser.add_argument("--photographs", type=Path, required=True, help="has train, test, other")
    parser.add_argument("--judge", type=Path, required=True, help="squeezenet1_0.npz")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("prior_quality.json"))
    parser.add_argument("--sheet", type=Path, help="default: beside --out, ending in .png")
    options = parser.parse_args()

    generator, params = pm.load_generator(options.weights)
    judge = load_squeezenet(options.judge)
    embed = lambda images: np.asarray(perceptual_embedding(judge, images))  # noqa: E731
    side = generator.spec.image_shape[:2]
    pictures = {
        name: read_folder(options.photographs / name, side) for name in ("train", "test", "other")
    }
    number = len(pictures["test"])
    # Two sets without a photograph in common are drawn from train.
    for name, needed in {"train": 2 * number, "other": number}.items():
        if len(pictures[name]) < needed:
            raise pm.InputError(
                f"{name} has {len(pictures[name])} photographs: with {number} in test it takes "
                f"{needed} or more, as sets of equal size are compared"
            )
    features = {}
    for name, images in pictures.items():
        features[name] = embed(images)
        print(f"# {name}: {len(images)} photographs", flush=True)
    sample = sampler(generator, params)
    key = jax.random.key(options.seed)
    rng = np.random.default_rng(options.seed)
    test = features["test"]
    draws: dict[str, list[tuple[float, ...]]] = {}
    for draw in range(options.draws):
        train = features["train"][rng.permutation(len(features["train"]))[: 2 * number]]
        samples = sample(jax.random.fold_in(key, draw), number)
        generated = {
            "samples": embed(samples),
            "test photographs": test,
            "other training photographs": train[number:],
            "other garments": features["other"][rng.permutation(len(features["other"]))[:number]],
        }
        for name, side_b in generated.items():
            draws.setdefault(name, []).append(measures(train[:number], test, side_b))
        print(f"# draw {draw + 1} of {options.draws}", flush=True)

    rows = []
    print(f"\n| {number} each | {' | '.join(MEASURES.values())} |")
    print(f"|---|{'---|' * len(MEASURES)}")
    for name, values in draws.items():
        means, deviations = np.mean(values, axis=0), np.std(values, axis=0)
        row: dict = {"generated": name, "draws": []}
        cells = []
        for i, measure in enumerate(MEASURES):
            absent = bool(np.isnan(means[i]))
            row[measure] = None if absent else float(means[i])
            row[f"{measure}_deviation"] = None if absent else float(deviations[i])
            digits = 0 if measure == "frechet_test" else 2
            cells.append("" if absent else f"{means[i]:.{digits}f} ({deviations[i]:.{digits}f})")
        row["draws"] = [[None if np.isnan(v) else v for v in draw] for draw in values]
        rows.append(row)
        print(f"| {name} | {' | '.join(cells)} |")
    frechet = {row["generated"]: row["frechet_test"] for row in rows}
    ratio = frechet["samples"] / frechet["other training photographs"]
    print(f"\nFréchet distance of samples: {ratio:.2f} times that of training photographs\n")

    shown = sample(jax.random.fold_in(key, options.draws), SHOWN)
    near = nearest_in_training(embed, shown, features["train"])
    near_test = nearest_in_training(embed, pictures["test"], features["train"])
    memorised = {"samples": spread(near.distances), "test photographs": spread(near_test.distances)}
    print(
        "| distance to the nearest training photograph | least | median | mean |\n|---|---|---|---|"
    )
    for name, found in memorised.items():
        print(f"| {name} | {found['least']:.1f} | {found['median']:.1f} | {found['mean']:.1f} |")
    sheet = options.sheet or options.out.with_suffix(".png")
    # Two samples a line, each followed by its nearest: left to right, then down.
    tiles = [
        tile
        for picture, indices in zip(shown, near.indices, strict=True)
        for tile in (picture, *pictures["train"][indices])
    ]
    save_png(sheet, grid(tiles, 2 * (1 + NEAREST)))
    record = {
        "generator": generator.spec.name,
        "weights": generator.spec.identity,
        "resolution": side,
        "pictures_each": number,
        "photographs": {name: len(images) for name, images in pictures.items()},
        "k": K,
        "seed": options.seed,
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "rows": rows,
        "frechet_ratio": ratio,
        "nearest_training": memorised,
    }
    options.out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
