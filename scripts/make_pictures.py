"""Draw the pictures of README and docs: a run of the examples, and uncurated samples of the prior.

pmsfc invert examples --out runs/first
python scripts/make_pictures.py --run runs/first
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
from pmsfc_jax.io.images import save_png
from pmsfc_jax.report.sheet import comparison_sheet, difference_image, grid

#: Of the samples that are shown, one latent code each.
SEEDS = range(256)


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


def main() -> None:
    """Write both pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--generator", default="pggan_tops32")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    save_png(options.out / "first.png", run_picture(options.run))
    generator, params = pm.load_generator(options.generator)
    z = jnp.concatenate([generator.spec.prior.draw(jax.random.key(seed), 1) for seed in SEEDS])
    samples = to_uint8(jax.jit(lambda p, codes: generator(p, codes))(params, z))
    save_png(options.out / "prior_samples.png", grid(samples, 16, cell=48, gap=2))


if __name__ == "__main__":
    main()
