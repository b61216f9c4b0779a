"""Where on a face each subspace acts: eyes, mouth, skin, hair, background.

    pmsfc fetch faces64
    python benchmarks/face_parts.py OUT

Pairs of codes exchange one subspace's features. With q_r(p) the share of the energy of the change
that lies in part p when subspace r is exchanged, and q(p) that share when all features are,

    c_r(p) = q_r(p) / q(p)

is above 1 where subspace r acts there more than the code as a whole does. For every part the
largest c of a partition is set beside those of random partitions of the same sizes, measured on the
same pairs. The parts are those of ``benchmarks/face_regions.json``, which was committed before.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

import pmsfc_jax as pm
from pmsfc_jax.effects.change import energy_map
from pmsfc_jax.effects.exchange import exchange_batches

HERE = Path(__file__).parent
NUM_RANDOM = 8


def parts(side: int) -> dict[str, np.ndarray]:
    """``[side, side]`` masks of the committed regions."""
    found = {}
    boxes = json.loads((HERE / "face_regions.json").read_text())
    boxes.pop("about")
    for name, of_part in boxes.items():
        mask = np.zeros((side, side))
        for top, left, bottom, right in of_part:
            mask[top:bottom, left:right] = 1
        found[name] = mask
    return found


def concentration(
    cut: pm.Cut, params: Any, masks: np.ndarray, regions: dict[str, np.ndarray], pairs: int
) -> np.ndarray:
    """``c [R, parts]``; NaN for a subspace that changes nothing."""
    energy = whole = 0.0
    for batch in exchange_batches(cut, params, masks, key=jax.random.key(7), num_pairs=pairs):
        energy += energy_map(batch.exchanged - batch.source[:, None]).sum(axis=0)
        whole += energy_map(batch.partner - batch.source).sum(axis=0)
    masks_of = np.stack(list(regions.values()))

    def shares(q: np.ndarray) -> np.ndarray:
        return np.einsum("...hw,phw->...p", q, masks_of) / q.sum(axis=(-2, -1))[..., None]

    with np.errstate(invalid="ignore"):
        return shares(energy) / shares(whole)


def questions() -> Iterator[tuple[int, int, str, pm.DiscoverySettings]]:
    """Layer, R, name and settings of every partition."""
    for layer in range(4):
        for number in range(2, 9):
            yield layer, number, "ridge", pm.DiscoverySettings()
    for layer in (1, 2):
        yield layer, 4, "lasso", pm.DiscoverySettings(method=pm.Lasso())
        yield layer, 4, "equation 6", pm.DiscoverySettings(method=pm.Paper())


def measured(generator, params, regions, question, pairs: int) -> dict[str, Any]:
    """One partition beside random ones."""
    layer, number, name, settings = question
    cut = pm.Cut(generator, layer)
    found = pm.discover_subspaces(
        generator, params, layer=layer, num_subspaces=number, key=jax.random.key(0),
        settings=settings,
    )  # fmt: skip
    own = concentration(cut, params, found.masks, regions, pairs)
    random = [
        np.nanmax(
            concentration(
                cut, params, pm.random_subspaces(found, jax.random.key(seed)).masks, regions, pairs
            ),
            axis=0,
        )
        for seed in range(1, NUM_RANDOM + 1)
    ]
    best = np.nanmax(own, axis=0)
    return {
        "layer": layer,
        "num_subspaces": number,
        "method": name,
        "sizes": np.asarray(found.masks).sum(axis=1).astype(int).tolist(),
        "concentration": np.round(own, 3).tolist(),
        "best": dict(zip(regions, np.round(best, 3).tolist(), strict=True)),
        "best_random": dict(
            zip(regions, np.round(np.max(random, axis=0), 3).tolist(), strict=True)
        ),
        "mean_random": dict(
            zip(regions, np.round(np.mean(random, axis=0), 3).tolist(), strict=True)
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder for one file a partition")
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--result", type=Path, default=HERE / "results" / "face_parts.json")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    generator, params = pm.load_generator("faces64", weights_dir=options.weights_dir)
    regions = parts(generator.spec.image_shape[0])
    rows = []
    for question in questions():
        layer, number, name, _ = question
        path = options.out / f"layer{layer}_R{number}_{name.replace(' ', '_')}.json"
        if not path.exists():
            try:
                row = measured(generator, params, regions, question, options.pairs)
            except pm.InputError as error:
                row = {"layer": layer, "num_subspaces": number, "method": name, "none": str(error)}
            path.write_text(json.dumps(row) + "\n")
        rows.append(json.loads(path.read_text()))
        print(path.stem, rows[-1].get("best"), rows[-1].get("best_random"), flush=True)
    about = {"generator": "faces64", "weights_sha256": generator.spec.identity}
    about |= {"pairs": options.pairs, "num_random": NUM_RANDOM, "jax": jax.__version__}
    options.result.write_text(json.dumps(about | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
