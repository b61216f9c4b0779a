"""Which inversions can be edited? Fidelity beside what is left of it after subspaces are exchanged.

    pmsfc fetch faces64
    python benchmarks/edit_methods.py faces64 --layer 2 --squeezenet FILE OUT

Samples of a generator are inverted by several methods with the same partition, and each exchanges
one subspace at a time with each of the others, on composed features. Precision is the share of
edited pictures that lie among the generator's own (k-NN, `pmsfc_jax.metrics.precision_recall`), on
descriptors of SqueezeNet. OUT keeps every inversion, so that a run that was stopped goes on.
"""

import argparse
import json
from pathlib import Path

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.core.images import to_float
from pmsfc_jax.evaluation.edited_inversions import measure_inversion, ordered_pairs
from pmsfc_jax.evaluation.edits import Question, sample_pairs
from pmsfc_jax.metrics import load_squeezenet, perceptual_embedding

RESULTS = Path(__file__).parent / "results"
METHODS = ("single", "pmsfc", "pmsfc_full")
#: Independent streams of the seed's key.
DISCOVERY, PARTS, TARGETS, OWN, RANDOM, CODES = range(6)


def inverted(path: Path, generator, params, targets, subspaces, method: str, key, steps: int):
    """The drawing of all targets, from the file where it is there already."""
    if not path.exists():
        config = pm.preset(composition=method, layer=subspaces.layer, num_steps=steps)
        result = pm.invert(
            generator,
            params,
            targets,
            subspaces=None if method == "single" else subspaces,
            key=key,
            config=config,
        )
        pm.save_codes(path, result.drawing)
    return pm.load_codes(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("out", type=Path, help="folder for the codes")
    parser.add_argument("--layer", type=int, required=True)
    parser.add_argument("--num-subspaces", type=int, default=4)
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--own", type=int, default=400)
    parser.add_argument("--random", type=int, default=4)
    parser.add_argument("--squeezenet", type=Path, required=True)
    parser.add_argument("--weights-dir", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    generator, params = pm.load_generator(options.name, weights_dir=options.weights_dir)
    keys = jax.random.split(jax.random.key(0), 6)
    whole = jax.jit(lambda p, z: generator(p, z))
    found = pm.discover_subspaces(
        generator,
        params,
        layer=options.layer,
        num_subspaces=options.num_subspaces,
        key=keys[DISCOVERY],
    )
    parts = pm.find_parts(generator, params, layer=options.layer, num_parts=4, key=keys[PARTS])
    targets = to_float(
        pm.to_uint8(whole(params, generator.draw(params, keys[TARGETS], options.pictures)))
    )
    network = load_squeezenet(options.squeezenet)

    def embed(images: np.ndarray) -> np.ndarray:
        return np.asarray(perceptual_embedding(network, images))

    own = np.concatenate([
        np.asarray(whole(params, generator.draw(params, key, 50)))
        for key in jax.random.split(keys[OWN], -(-options.own // 50))
    ])[: options.own]  # fmt: skip
    question = Question(
        generator,
        params,
        options.layer,
        sample_pairs(generator, params, layer=options.layer, key=keys[OWN], num=64),
        parts,
        embed=embed,
        own=embed(pm.to_uint8(own)),
    )
    rows = {}
    for method in METHODS:
        drawing = inverted(
            options.out / f"{method}.npz", generator, params, targets, found, method,
            keys[CODES], options.steps,
        )  # fmt: skip
        rows[method] = measure_inversion(
            question,
            drawing,
            pm.to_uint8(targets),
            np.asarray(found.masks),
            key=keys[RANDOM],
            num_random=options.random,
        )
        print(method, json.dumps(rows[method]), flush=True)
    record = {
        "generator": generator.spec.name,
        "weights_sha256": generator.spec.identity,
        "layer": options.layer,
        "sizes": np.asarray(found.masks).sum(axis=1).astype(int).tolist(),
        "pictures": options.pictures,
        "pairs": len(ordered_pairs(options.pictures)[0]),
        "steps": options.steps,
        "own": options.own,
        "num_random": options.random,
        "jax": jax.__version__,
        "methods": rows,
    }
    path = RESULTS / f"edit_methods_{generator.spec.name}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
