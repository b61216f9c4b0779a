"""Sweep the weight of the shipped discriminator as V, judged by a network it never met.

    python benchmarks/perceptual_weight.py PHOTOGRAPHS --squeezenet squeezenet1_0.npz

Give photographs that the prior was trained on or others that are not used for reported numbers:
choosing a default on a test set would spoil it.
"""

import argparse
import json
from pathlib import Path

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.api import to_uint8
from pmsfc_jax.io.images import find_photographs
from pmsfc_jax.metrics import load_squeezenet, perceptual_distance, psnr, ssim


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--squeezenet", type=Path, required=True)
    parser.add_argument("--count", type=int, default=8, help="the first so many, by name")
    parser.add_argument("--generator", default="pggan_tops32")
    parser.add_argument("--layer", type=int, default=4)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--weights", type=float, nargs="+", default=[0, 0.01, 0.1, 1])
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
    print("| perceptual_weight | PSNR dB | SSIM | independent distance |\n|---|---|---|---|")
    for weight in options.weights:
        config = pm.preset(
            "default", num_steps=options.steps, perceptual_weight=weight, batch_size=options.count
        )
        result = pm.invert(
            generator,
            params,
            targets,
            subspaces=subspaces,
            key=key,
            config=config,
            perceptual=v,
        )
        a, b = to_uint8(targets), to_uint8(result.reconstruction)
        row = {
            "perceptual_weight": weight,
            "psnr": float(np.asarray(psnr(a, b)).mean()),
            "ssim": float(np.asarray(ssim(a, b)).mean()),
            "distance": float(np.asarray(perceptual_distance(judge, a, b)).mean()),
        }
        rows.append(row)
        print(
            f"| {weight:g} | {row['psnr']:.2f} | {row['ssim']:.3f} | {row['distance']:.4f} |",
            flush=True,
        )
    options.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
