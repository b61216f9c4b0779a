"""Compare compositions on the same photographs, at equal numbers of codes and of weights a channel.

    python benchmarks/compare_methods.py PHOTOGRAPHS --count 16 --out methods.json

Prints a Markdown table and writes JSON. Every method runs at the same objective, steps, learning
rate and seed. PSNR and SSIM are taken on uint8 pictures; ``--squeezenet`` adds the distance under a
network that nothing was optimised against.
"""

import argparse
import json
import time
from pathlib import Path

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.api import to_uint8
from pmsfc_jax.io.images import find_photographs
from pmsfc_jax.metrics import psnr, ssim


def bootstrap(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """The 95 % interval of the mean over 10,000 resamplings."""
    means = values[rng.integers(0, len(values), (10_000, len(values)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--count", type=int, default=16, help="the first so many, by name")
    parser.add_argument("--generator", default="pggan_tops32")
    parser.add_argument("--layer", type=int, default=4)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--subspaces", type=int, default=4)
    parser.add_argument("--codes", type=int, default=4, help="in each subspace")
    parser.add_argument("--perceptual-weight", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--squeezenet", type=Path, help="squeezenet1_0.npz, the independent judge")
    parser.add_argument("--out", type=Path, default=Path("methods.json"))
    options = parser.parse_args()

    generator, params = pm.load_generator(options.generator)
    targets = pm.load_images(find_photographs([options.photographs])[: options.count], generator)
    v = pm.load_perceptual(options.generator)
    key = jax.random.key(options.seed)
    found = pm.discover_subspaces(
        generator, params, layer=options.layer, num_subspaces=options.subspaces, key=key
    )
    per_subspace, all_codes = options.codes, options.codes * options.subspaces
    methods = {
        "single": ("single", 1, None),
        f"mGANprior, {per_subspace} codes": ("mganprior", per_subspace, None),
        f"mGANprior, {all_codes} codes": ("mganprior", all_codes, None),
        f"PmSFC {options.subspaces}x{per_subspace}, discovered": ("pmsfc", per_subspace, found),
        f"PmSFC {options.subspaces}x{per_subspace}, random": (
            "pmsfc",
            per_subspace,
            pm.random_subspaces(found, key),
        ),
    }
    judge = None
    if options.squeezenet:
        from pmsfc_jax.metrics import load_squeezenet, perceptual_distance

        weights = load_squeezenet(options.squeezenet)
        judge = lambda a, b: np.asarray(perceptual_distance(weights, a, b))  # noqa: E731
    rng = np.random.default_rng(0)
    rows = []
    for name, (method, codes, subspaces) in methods.items():
        config = pm.InversionConfig(
            method=method,
            layer=options.layer,
            codes_per_subspace=codes,
            num_steps=options.steps,
            learning_rate=options.learning_rate,
            perceptual_weight=options.perceptual_weight,
        )
        began = time.perf_counter()
        result = pm.invert(
            generator,
            params,
            targets,
            subspaces=subspaces,
            key=key,
            config=config,
            perceptual=v,
        )
        seconds = time.perf_counter() - began
        a, b = to_uint8(targets), to_uint8(result.reconstruction)
        decibels = np.asarray(psnr(a, b))
        rows.append(
            {
                "method": name,
                "codes": codes * (options.subspaces if subspaces is not None else 1),
                "weights_per_channel": 0 if method == "single" else codes,
                "psnr": float(decibels.mean()),
                "psnr_interval": bootstrap(decibels, rng),
                "ssim": float(np.asarray(ssim(a, b)).mean()),
                "perceptual": float(judge(a, b).mean()) if judge else None,
                "seconds_per_image": seconds / len(targets),
                "guarded": int(result.guarded.max()),
                "psnr_of_images": decibels.tolist(),
            }
        )
        print(f"# {name}: {decibels.mean():.2f} dB in {seconds:.0f} s", flush=True)
    print(
        "\n| method | codes | weights a channel | PSNR dB (95 %) | SSIM | distance | s an image |"
    )
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        low, high = row["psnr_interval"]
        distance = "" if row["perceptual"] is None else f"{row['perceptual']:.4f}"
        print(
            f"| {row['method']} | {row['codes']} | {row['weights_per_channel']} "
            f"| {row['psnr']:.2f} ({low:.2f} to {high:.2f}) | {row['ssim']:.3f} | {distance} "
            f"| {row['seconds_per_image']:.1f} |"
        )
    record = {
        "generator": options.generator,
        "weights": generator.spec.identity,
        "layer": options.layer,
        "steps": options.steps,
        "learning_rate": options.learning_rate,
        "perceptual_weight": options.perceptual_weight,
        "seed": options.seed,
        "images": len(targets),
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "rows": rows,
    }
    options.out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
