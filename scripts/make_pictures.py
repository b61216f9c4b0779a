"""Draw the pictures of README and docs: a run of the examples, uncurated samples, exchanged faces.

pmsfc invert examples --out runs/first
pmsfc fetch faces64
python scripts/make_pictures.py --run runs/first --faces faces64

Without --run or --faces their pictures are left out.
"""

import argparse
import csv
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

import pmsfc_jax as pm
from pmsfc_jax.api import to_uint8
from pmsfc_jax.core.images import to_float
from pmsfc_jax.io.images import save_png
from pmsfc_jax.report.sheet import comparison_sheet, difference_image, grid

#: Of the samples that are shown, one latent code each.
SEEDS = range(256)
#: Two samples of faces64 that are inverted and exchange their subspaces, the clearest of three
#: pairs of bright frontal faces that were looked at; and the layer of the subspaces.
FACES = (37, 6)
FACES_LAYER = 2


def run_picture(run: Path) -> np.ndarray:
    """Targets, reconstructions and differences in three rows, an image a column."""
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    targets, images = (
        [
            np.asarray(Image.open(run / folder / f"{row['image']}.png").convert("RGB"))
            for row in rows
        ]
        for folder in ("targets", "images")
    )
    differences = [difference_image(a, b) for a, b in zip(targets, images, strict=True)]
    titles = [f"{float(row['psnr_db']):.1f} dB" for row in rows]
    return comparison_sheet(
        [targets, images, differences],
        column_titles=titles,
        row_titles=["target", "redrawn from codes", "difference x4"],
        cell=96,
    )


def exchange_picture(generator: pm.SplitGenerator, params: dict) -> np.ndarray:
    """Two inverted pictures, each subspace exchanged between them, beside a random partition."""
    found = pm.discover_subspaces(
        generator, params, layer=FACES_LAYER, num_subspaces=4, key=jax.random.key(0)
    )
    # The first random partition of all, whatever it does.
    random = pm.random_subspaces(found, jax.random.key(1))
    z = jnp.concatenate([generator.draw(params, jax.random.key(seed), 1) for seed in FACES])
    targets = to_float(to_uint8(jax.jit(lambda p, codes: generator(p, codes))(params, z)))
    # Equation 7 mixes features of codes and cannot rescale them, so that they stay where the
    # generator's own are; those of full weights do not, and their exchanges are noisier.
    config = pm.preset(composition="pmsfc", layer=FACES_LAYER, codes_per_subspace=8)
    result = pm.invert(
        generator, params, targets, subspaces=found, key=jax.random.key(0), config=config
    )
    h, context = pm.composed(generator, params, result.drawing)
    pictures = to_uint8(pm.render(generator, params, result))

    def swapped(a: int, b: int, partition: pm.Subspaces) -> list[np.ndarray]:
        features = np.concatenate([
            pm.swap(h[a : a + 1], h[b : b + 1], [r], np.asarray(partition.masks))
            for r in range(partition.num_subspaces)
        ])  # fmt: skip
        drawn = pm.draw_features(generator, params, features, context, layer=FACES_LAYER)
        return [pictures[a], *to_uint8(drawn), pictures[b]]

    return comparison_sheet(
        [swapped(a, b, partition) for a, b in ((0, 1), (1, 0)) for partition in (found, random)],
        column_titles=[
            "picture",
            *(f"subspace {r}" for r in range(found.num_subspaces)),
            "source",
        ],
        row_titles=["discovered subspaces", "a random partition of the same sizes"] * 2,
        cell=128,
    )


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path)
    parser.add_argument("--generator", default="pggan_tops32")
    parser.add_argument("--faces")
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    if options.faces:
        faces = pm.load_generator(options.faces, weights_dir=options.weights_dir)
        save_png(options.out / "edit.png", exchange_picture(*faces))
    if options.run is None:
        return
    save_png(options.out / "first.png", run_picture(options.run))
    generator, params = pm.load_generator(options.generator)
    z = jnp.concatenate([generator.spec.prior.draw(jax.random.key(seed), 1) for seed in SEEDS])
    samples = to_uint8(jax.jit(lambda p, codes: generator(p, codes))(params, z))
    save_png(options.out / "prior_samples.png", grid(samples, 16, cell=48, gap=2))


if __name__ == "__main__":
    main()
