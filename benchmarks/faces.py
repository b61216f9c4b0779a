"""The article's method on a published generator of faces, with the article's own V.

    pmsfc fetch faces64 && pmsfc fetch vgg16-oxford
    python benchmarks/faces.py weight OUT --squeezenet FILE
    python benchmarks/faces.py methods OUT --squeezenet FILE --solver lbfgs --clothing FOLDER
    python benchmarks/faces.py methods OUT --squeezenet FILE --solver adam_vgg --samples 4

``weight`` chooses the weight of VGG16 (relu3_3) on samples that nothing else uses. ``methods``
compares compositions of 32 codes, and of 8 weights a channel, on fresh samples of the generator,
on garments, which it never drew, and on scikit-image's astronaut. Every row is a file in ``OUT``;
the same command again goes on where it was. The seeds of the samples are in
``benchmarks/faces_seeds.json``, which was committed before anything was measured.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from PIL import Image

import pmsfc_jax as pm
from pmsfc_jax.evaluation.measure import Task, measure_row
from pmsfc_jax.evaluation.subsets import load_subset
from pmsfc_jax.evaluation.tables import as_markdown, summarise
from pmsfc_jax.metrics import load_squeezenet, perceptual_distance

HERE = Path(__file__).parent
LAYER, NUM_SUBSPACES = 2, 4
#: The face in scikit-image's astronaut, framed like the generator's mean sample.
ASTRONAUT = (160, 25, 290, 155)
#: (composition, codes a subspace or in all, partition)
COMPOSITIONS = {
    "mganprior_32": ("mganprior", 32, None),
    "mganprior_8": ("mganprior", 8, None),
    "pmsfc_4x8": ("pmsfc", 8, "discovered"),
    "pmsfc_4x8_random": ("pmsfc", 8, "random"),
    "pmsfc_full_4x8": ("pmsfc_full", 8, "discovered"),
    "pmsfc_full_4x8_random": ("pmsfc_full", 8, "random"),
}
#: (solver, steps, weight of VGG16, its norm)
SOLVERS = {
    "adam_vgg": ("adam", 1000, 0.01, "l1"),
    "lbfgs": ("lbfgs", 150, 0.0, "l1"),
}
SWEEP = {
    "adam": (300, [(0.0, "l1"), (0.001, "l1"), (0.01, "l1"), (0.1, "l1"), (0.01, "l2")]),
    "lbfgs": (100, [(0.0, "l1"), (0.001, "l1"), (0.01, "l1"), (0.01, "l2"), (0.1, "l2")]),
}


def samples(generator: pm.SplitGenerator, params: Any, seeds: list[int]) -> np.ndarray:
    """One sample a seed, rounded to grey levels as a file would be: ``[n, H, W, 3]`` in [-1, 1]."""
    pictures = [generator(params, generator.draw(params, jax.random.key(s), 1)) for s in seeds]
    return pm.to_uint8(np.concatenate(pictures)) / np.float32(127.5) - 1


def astronaut(side: int) -> np.ndarray:
    """The astronaut's face, ``[1, side, side, 3]`` in [-1, 1]."""
    from skimage import data

    face = Image.fromarray(data.astronaut()).crop(ASTRONAUT)
    face = face.resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(face, np.float32)[None] / 127.5 - 1


def configured(composition: str, codes: int, solver: str, steps: int, weight: float, norm: str):
    """An inversion at the cut of this study."""
    return pm.preset(
        composition=composition, codes_per_subspace=codes, layer=LAYER, num_steps=steps,
        optimiser=solver, perceptual_weight=weight, perceptual_norm=norm, batch_size=4,
    )  # fmt: skip


def kept(path: Path, compute) -> dict[str, Any]:
    """The record in ``path``, computed where it is not there yet."""
    if not path.exists():
        record, pictures = compute()
        Image.fromarray(np.concatenate(pictures, axis=1)).save(path.with_suffix(".png"))
        path.write_text(json.dumps(record, indent=1) + "\n")
        psnr = float(np.mean(record["psnr"]))
        print(f"{path.stem}: {psnr:.2f} dB, {record['seconds_per_image']:.1f} s each", flush=True)
    return json.loads(path.read_text())


def weight_rows(options, task: Task) -> Iterator[tuple[str, dict[str, Any]]]:
    """The composition of mGANprior with 32 codes, under each solver, weight and norm of V."""
    for solver, (steps, choices) in SWEEP.items():
        for weight, norm in choices:
            name = f"{solver}_{weight:g}_{norm}"
            config = configured("mganprior", 32, solver, steps, weight, norm)
            path = options.out / f"weight_{name}.json"
            yield name, kept(path, lambda c=config: measure_row(task, c, None))


def method_rows(options, task: Task, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every composition."""
    key = jax.random.key(0)
    found = pm.discover_subspaces(
        task.generator, task.params, layer=LAYER, num_subspaces=NUM_SUBSPACES, key=key
    )
    partitions = {None: None, "discovered": found, "random": pm.random_subspaces(found, key)}
    for name, (composition, codes, partition) in COMPOSITIONS.items():
        config = configured(composition, codes, *SOLVERS[options.solver])
        path = options.out / f"{where}_{name}_{options.solver}_{len(task.targets)}.json"
        yield name, kept(path, lambda c=config, p=partition: measure_row(task, c, partitions[p]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("weight", "methods"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--squeezenet", type=Path, required=True)
    parser.add_argument("--solver", choices=tuple(SOLVERS), default="lbfgs", help="of methods")
    parser.add_argument("--clothing", type=Path, help="folder of the garments; without it, none")
    parser.add_argument("--samples", type=int, default=8, help="the first so many seeds")
    parser.add_argument("--garments", default="test8", help="a subset of subsets.json")
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--result", type=Path, default=HERE / "results" / "faces.json")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    generator, params = pm.load_generator("faces64", weights_dir=options.weights_dir)
    v = pm.load_perceptual("vgg16-oxford", weights_dir=options.weights_dir)
    net = load_squeezenet(options.squeezenet)

    def judge(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(perceptual_distance(net, a, b))

    seeds = json.loads((HERE / "faces_seeds.json").read_text())
    tables: dict[str, Any] = {}
    if options.what == "weight":
        task = Task(generator, params, samples(generator, params, seeds["weight"]), v, judge, 0)
        tables["weight"] = dict(weight_rows(options, task))
    else:
        fresh = samples(generator, params, seeds["test"][: options.samples])
        side = generator.spec.image_shape[0]
        sets = {"samples": fresh, "astronaut": astronaut(side)}
        if options.clothing:
            paths = load_subset(HERE / "subsets.json", options.garments, options.clothing)
            sets["garments"] = pm.load_images(paths, generator)
        for where, targets in sets.items():
            task = Task(generator, params, np.asarray(targets), v, judge, 0)
            tables[f"{where}_{options.solver}"] = dict(method_rows(options, task, where))
    kept_tables = json.loads(options.result.read_text()) if options.result.exists() else {}
    kept_tables |= {
        "generator": "faces64",
        "weights_sha256": generator.spec.identity,
        "layer": LAYER,
        "num_subspaces": NUM_SUBSPACES,
        "jax": jax.__version__,
    }
    for where, records in tables.items():
        rows = summarise(records, seed=0)
        every = {
            name: {measure: record[measure] for measure in ("psnr", "ssim", "distance")}
            for name, record in records.items()
        }
        kept_tables[where] = {"rows": rows, "images": every}
        print(f"\n{where}\n{as_markdown(rows, peak_kind='peak resident memory of the process')}")
    options.result.write_text(json.dumps(kept_tables, indent=1) + "\n")


if __name__ == "__main__":
    main()
