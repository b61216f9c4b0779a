"""Measure how real samples stay when subspaces are exchanged between two codes.

    python benchmarks/exchanged_quality.py --weights pggan_tops32 --layer 4 \
        --photographs FOLDER --judge squeezenet1_0.npz --out exchanged.json

FOLDER holds ``train`` and ``test`` as in `prior_quality`, whose judge and measures these are. A row
of the table is a generated side: samples as they are; samples with ``--exchanged`` of their
subspaces, others for each sample, from a second code; and the same in a partition of the same sizes
whose channels were dealt at random. The subspaces are those of ``--subspaces`` (a folder or file),
or discovered at ``--layer``. All rows of a draw start from the same codes. Prints a Markdown table,
writes JSON.
"""

import argparse
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from prior_quality import CHUNK, MEASURES, K, measures, read_folder

import pmsfc_jax as pm
from pmsfc_jax.api import to_uint8
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.metrics import load_squeezenet, perceptual_embedding


def exchanges(rng: np.random.Generator, masks: np.ndarray, num: int, exchanged: int) -> np.ndarray:
    """``[num, C]`` of 0 and 1: the channels of ``exchanged`` subspaces, others for each sample."""
    order = rng.permuted(np.tile(np.arange(len(masks)), (num, 1)), axis=1)
    return (order < exchanged).astype(np.float32) @ masks


def drawer(cut: Cut, params):
    """``(codes, others, channels [n, C]) -> uint8 [n, H, W, 3]``, in chunks of one shape."""

    @jax.jit
    def draw(params, z, others, channels):
        source, context = cut.head(params, z)
        partner, _ = cut.head(params, others)
        return cut.tail(params, jnp.where(channels[:, None, None, :] > 0, partner, source), context)

    def pictures(z, others, channels: np.ndarray) -> np.ndarray:
        num = len(channels)
        padded = np.pad(channels, ((0, -num % CHUNK), (0, 0)))
        chunks = [
            draw(params, z[i : i + CHUNK], others[i : i + CHUNK], padded[i : i + CHUNK])
            for i in range(0, len(padded), CHUNK)
        ]
        return to_uint8(np.concatenate(chunks)[:num])

    return pictures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="pggan_tops32", help="name or folder of a prior")
    parser.add_argument("--subspaces", type=Path, help="folder or file; default: discovered")
    parser.add_argument("--layer", type=int, default=4, help="where they are discovered")
    parser.add_argument("--num-subspaces", type=int, default=4, help="how many are discovered")
    parser.add_argument("--exchanged", type=int, default=2, help="subspaces from a second code")
    parser.add_argument("--photographs", type=Path, required=True, help="has train, test")
    parser.add_argument("--judge", type=Path, required=True, help="squeezenet1_0.npz")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("exchanged_quality.json"))
    options = parser.parse_args()

    generator, params = pm.load_generator(options.weights)
    key = jax.random.key(options.seed)
    if options.subspaces:
        found = pm.load_subspaces(options.subspaces)
        pm.check_subspaces(generator, found)
    else:
        found = pm.discover_subspaces(
            generator,
            params,
            layer=options.layer,
            num_subspaces=options.num_subspaces,
            key=jax.random.key(options.seed),
        )
    dealt = pm.random_subspaces(found, jax.random.fold_in(key, 2**20))
    judge = load_squeezenet(options.judge)
    embed = lambda images: np.asarray(perceptual_embedding(judge, images))  # noqa: E731
    side = generator.spec.image_shape[:2]
    train, test = (read_folder(options.photographs / name, side) for name in ("train", "test"))
    number = len(test)
    test = embed(test)
    rng = np.random.default_rng(options.seed)
    pictures = drawer(Cut(generator, found.layer), params)
    rows: dict[str, list[tuple[float, ...]]] = {}
    for draw in range(options.draws):
        real = embed(train[rng.permutation(len(train))[:number]])
        own = jax.random.fold_in(key, draw)
        padded = -(-number // CHUNK) * CHUNK
        z, others = (
            generator.draw(params, jax.random.fold_in(own, stream), padded) for stream in (0, 1)
        )
        for name, masks in (
            ("samples", np.zeros_like(found.masks)),
            ("exchanged in these subspaces", np.asarray(found.masks)),
            ("exchanged in random ones", np.asarray(dealt.masks)),
        ):
            channels = exchanges(rng, masks, number, options.exchanged)
            drawn = embed(pictures(z, others, channels))
            rows.setdefault(name, []).append(measures(real, test, drawn))
        print(f"# draw {draw + 1} of {options.draws}", flush=True)

    print(f"\n| {number} each | {' | '.join(MEASURES.values())} |")
    print(f"|---|{'---|' * len(MEASURES)}")
    table = []
    for name, values in rows.items():
        means, deviations = np.mean(values, axis=0), np.std(values, axis=0)
        row: dict = {"generated": name, "draws": values}
        cells = []
        for measure, mean, deviation in zip(MEASURES, means, deviations, strict=True):
            row |= {measure: float(mean), f"{measure}_deviation": float(deviation)}
            digits = 0 if measure == "frechet_test" else 2
            cells.append(f"{mean:.{digits}f} ({deviation:.{digits}f})")
        table.append(row)
        print(f"| {name} | {' | '.join(cells)} |")
    record = {
        "generator": generator.spec.name,
        "weights": generator.spec.identity,
        "layer": found.layer,
        "sizes": found.sizes,
        "exchanged": options.exchanged,
        "pictures_each": number,
        "k": K,
        "seed": options.seed,
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "rows": table,
    }
    options.out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
