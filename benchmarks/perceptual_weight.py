"""Sweep blocks and weight of the shipped discriminator as V, judged by a network it never met.

    python benchmarks/perceptual_weight.py PHOTOGRAPHS --squeezenet squeezenet1_0.npz

A discriminator has one feature map for each resolution below the picture's, largest first; V is
all of them, or a single one. Give photographs that the prior was trained on or others that are not
used for reported numbers: choosing a default on a test set would spoil it.
"""

import argparse
import json
from itertools import product
from pathlib import Path

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.api import to_uint8
from pmsfc_jax.inversion.solvers import SOLVERS
from pmsfc_jax.io.find import find_photographs
from pmsfc_jax.metrics import load_squeezenet, perceptual_distance, psnr, ssim


def only_map(v: pm.Perceptual, block: int) -> pm.Perceptual:
    """V with one of its feature maps."""
    return v._replace(
        extract=lambda params, x: [v.extract(params, x)[block]], name=f"{v.name}, map {block}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--squeezenet", type=Path, required=True)
    parser.add_argument("--count", type=int, default=8, help="the first so many, by name")
    parser.add_argument("--generator", default="pggan_tops32")
    parser.add_argument("--layer", type=int, default=4)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--weights", type=float, nargs="+", default=[0, 0.01, 0.1, 1])
    parser.add_argument("--blocks", action="store_true", help="also each feature map alone")
    parser.add_argument("--optimiser", default="lbfgs", choices=SOLVERS)
    parser.add_argument("--out", type=Path, default=Path("perceptual_weight.json"))
    options = parser.parse_args()

    generator, params = pm.load_generator(options.generator)
    v = pm.load_perceptual(options.generator)
    judge = load_squeezenet(options.squeezenet)
    targets = pm.load_images(find_photographs([options.photographs])[: options.count], generator)
    key = jax.random.key(0)
    subspaces = pm.discover_subspaces(
        generator, params, layer=options.layer, num_subspaces=4, key=key
    )
    rows = []
    print("| maps of V | perceptual_weight | PSNR dB | SSIM | independent distance |")
    print("|---|---|---|---|---|")
    num_maps = len(v.extract(v.params, targets[:1]))
    choices = [None, *range(num_maps)] if options.blocks else [None]
    for weight, block in product(options.weights, choices):
        if not weight and block is not None:
            continue
        config = pm.preset(
            "default",
            num_steps=options.steps,
            optimiser=options.optimiser,
            perceptual_weight=weight,
            batch_size=options.count,
        )
        result = pm.invert(
            generator,
            params,
            targets,
            subspaces=subspaces,
            key=key,
            config=config,
            perceptual=v if block is None else only_map(v, block),
        )
        a, b = to_uint8(targets), to_uint8(result.reconstruction)
        row = {
            "block": block,
            "perceptual_weight": weight,
            "psnr": float(np.asarray(psnr(a, b)).mean()),
            "ssim": float(np.asarray(ssim(a, b)).mean()),
            "distance": float(np.asarray(perceptual_distance(judge, a, b)).mean()),
        }
        rows.append(row)
        name = "-" if not weight else "all" if block is None else str(block)
        print(
            f"| {name} | {weight:g} | {row['psnr']:.2f} | {row['ssim']:.3f} "
            f"| {row['distance']:.4f} |",
            flush=True,
        )
    settings = {"generator": options.generator, "weights": generator.spec.identity}
    settings |= {name: getattr(options, name) for name in ("layer", "steps", "optimiser", "count")}
    options.out.write_text(json.dumps(settings | {"rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
