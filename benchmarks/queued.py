"""A mixed folder by fixed batches and by a queue: the same quality, in how many steps?

    python benchmarks/queued.py --clothing FOLDER/test --easy 48 --hard 48 --slots 8 \
        --until-psnr 30 --out benchmarks/results/queue30.json

Half of the images are samples of the generator, which it redraws exactly in the end, the others
test photographs of garments, most of which it never does; they come shuffled. Fixed batches run all
of them for ``--steps``, the queue each until its own criterion and at most as long.

The measure that depends on no machine is slot steps: steps of the compiled loop times the images
in it, those of places that nobody needs among them. Times are of the same two inversions, whose
programs were compiled before, and mean something where nothing else runs. Quality is the PSNR of
the pictures in 8 bits, as it is and with nothing above the criterion counted: what is better than
good enough is no gain. Of the images' own losses in the fixed run it is also counted what the
criterion would have cost other folders: so many slots, so many images, drawn at random.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.inversion import run_batch, slots
from pmsfc_jax.metrics import psnr

LAYER, R = 4, 4
#: Decibels for which it is counted what they would cost.
TARGETS = (28, 30, 32, 34, 36)


def mixed(
    generator: pm.SplitGenerator, params: Any, options: argparse.Namespace
) -> tuple[np.ndarray, np.ndarray]:
    """Images ``[n, H, W, 3]`` in [-1, 1] in 8 bits, and which of them are samples."""
    z = generator.spec.prior.draw(jax.random.key(11), options.easy)
    drawn = np.asarray(jax.jit(generator)(params, z))
    easy = pm.to_uint8(drawn).astype(np.float32) / 127.5 - 1
    paths = sorted(
        path for path in options.clothing.rglob("*.*") if path.suffix in (".jpg", ".png")
    )
    rng = np.random.default_rng(0)
    chosen = [paths[i] for i in sorted(rng.permutation(len(paths))[: options.hard])]
    images = np.concatenate([easy, pm.load_images(chosen, generator)])
    order = rng.permutation(len(images))
    return images[order], order < options.easy


class Counted:
    """The compiled loop, with its steps counted."""

    def __init__(self, advance: Callable[..., Any]) -> None:
        self.advance, self.steps, self.calls = advance, 0, 0

    def __call__(self, *arguments: Any) -> Any:
        """See `inversion.optimise.advance`."""
        self.steps += int(arguments[-1])
        self.calls += 1
        return self.advance(*arguments)


def measured(
    invert: Callable[[Any, np.ndarray], pm.InversionResult],
    config: pm.InversionConfig,
    images: np.ndarray,
    enough: float,
) -> tuple[pm.InversionResult, dict[str, Any]]:
    """One inversion of all images: what it gave, and what it took."""
    counted = Counted(run_batch.advance)
    run_batch.advance = slots.advance = counted  # type: ignore[assignment]
    began = time.perf_counter()
    result = invert(config, images)
    seconds = time.perf_counter() - began
    run_batch.advance = slots.advance = counted.advance  # type: ignore[assignment]
    decibels = np.asarray(psnr(pm.to_uint8(images), pm.to_uint8(result.reconstruction)))
    return result, {
        "slot_steps": counted.steps * config.batch_size,
        "steps": counted.steps,
        "calls": counted.calls,
        "seconds": seconds,
        "images_per_hour": 3600 * len(images) / seconds,
        "psnr": float(decibels.mean()),
        "psnr_capped": float(np.minimum(decibels, enough).mean()),
        "steps_of_each": result.steps.tolist(),
        "psnr_of_each": np.round(decibels, 3).tolist(),
    }


def looked_at(steps: np.ndarray, size: int, look: int, most: int) -> int:
    """Slot steps of a queue whose images need so many steps each, by counting alone."""
    waiting, total = list(steps[::-1]), 0
    places = [[0, waiting.pop()] for _ in range(min(size, len(steps)))]
    while places:
        moved = min(look, min(most - done for done, _ in places))
        total += moved * size
        kept = []
        for done, needed in places:
            if done + moved < needed:
                kept.append([done + moved, needed])
            elif waiting:
                kept.append([0, waiting.pop()])
        places = kept
    return total


def needed(losses: np.ndarray, decibels: float) -> np.ndarray:
    """Steps after which each image's lowest loss so far is worth so many decibels, else all."""
    enough = -10 * np.log10(np.minimum.accumulate(losses, axis=1) / 4) >= decibels
    return np.where(enough.any(axis=1), enough.argmax(axis=1) + 1, losses.shape[1])


def counted_folders(losses: np.ndarray, easy: np.ndarray) -> list[dict[str, Any]]:
    """Fixed batches over a queue, in slot steps, for folders drawn from the measured images."""
    rng, rows, most = np.random.default_rng(1), [], losses.shape[1]
    folders = ((200, 8, 0.5), (200, 8, 0.25), (200, 8, 0.0), (2000, 64, 0.5))
    for decibels in TARGETS:
        steps = needed(losses, decibels)
        for images, size, share in folders:
            count = round(images * share)
            hard = rng.choice(steps[~easy], images - count)
            drawn = np.concatenate([rng.choice(steps[easy], count), hard])
            rng.shuffle(drawn)
            fixed = -(-images // size) * size * most
            queue = looked_at(drawn, size, slots.STEPS_PER_LOOK, most)
            rows.append(
                {
                    "until_psnr": decibels,
                    "images": images,
                    "slots": size,
                    "easy_share": share,
                    "gain": round(fixed / queue, 3),
                }
            )
    return rows


def main() -> None:
    """Invert the folder twice, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clothing", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--easy", type=int, default=12)
    parser.add_argument("--hard", type=int, default=12)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--until-psnr", type=float)
    parser.add_argument("--until-fall", type=float)
    parser.add_argument("--until-window", type=int)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    generator, params = pm.load_generator("pggan_tops32")
    images, easy = mixed(generator, params, options)
    subspaces = pm.discover_subspaces(
        generator, params, layer=LAYER, num_subspaces=R, key=jax.random.key(0)
    )
    criteria = {
        name: value
        for name in ("until_psnr", "until_fall", "until_window")
        if (value := getattr(options, name)) is not None
    }
    settings = {"layer": LAYER, "batch_size": options.slots}
    enough = options.until_psnr or np.inf

    def invert(config: pm.InversionConfig, images: np.ndarray) -> pm.InversionResult:
        key = jax.random.key(0)
        return pm.invert(generator, params, images, subspaces=subspaces, key=key, config=config)

    brief = {**settings, "num_steps": 10}
    for more in ({}, criteria):
        invert(pm.preset(**brief, **more), images[: options.slots + 1])
    found = {}
    for name, more in (("fixed", {}), ("queue", criteria)):
        config = pm.preset(**settings, num_steps=options.steps, **more)
        result, found[name] = measured(invert, config, images, enough)
        if name == "fixed":
            losses = np.asarray(result.losses, np.float64)
        else:
            reasons = result.reason.tolist()
    counts = counted_folders(losses, easy)
    gain = found["fixed"]["slot_steps"] / found["queue"]["slot_steps"]
    record = {
        "jax": jax.__version__,
        "device": jax.devices()[0].device_kind,
        "load_average": os.getloadavg()[1],
        "settings": {**settings, "steps": options.steps, **criteria},
        "easy": easy.tolist(),
        **found,
        "reason_of_each": reasons,
        "gain_in_slot_steps": gain,
        "gain_in_time": found["fixed"]["seconds"] / found["queue"]["seconds"],
        "counted_for_other_folders": counts,
        "steps_until": {decibels: needed(losses, decibels).tolist() for decibels in TARGETS},
    }
    print("| | slot steps | PSNR dB | capped | images/h |\n|---|---|---|---|---|")
    for name, row in found.items():
        print(
            f"| {name} | {row['slot_steps']} | {row['psnr']:.2f} | {row['psnr_capped']:.2f} | "
            f"{row['images_per_hour']:.0f} |"
        )
    print(f"fixed / queue: {gain:.2f} in slot steps, {record['gain_in_time']:.2f} in time")
    for row in counts:
        print(row)
    if options.out:
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
