"""Samples of a generator, each known by its seed, and sheets of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.images import to_uint8
from pmsfc_jax.io.images import save_png
from pmsfc_jax.report.sheet import grid

SAMPLES_FILE, MEAN_FILE = "samples.png", "mean.png"
# Pixels that are drawn at once: 64 images of 64x64, one of 512x512.
_PIXELS_AT_ONCE = 1 << 18
_MEAN_OF = 64

#: ``(done, total, text)``, as of a progress bar.
Update = Callable[[float, float, str], None]


def draw_samples(
    generator: SplitGenerator,
    params: Any,
    seeds: Sequence[int],
    *,
    truncation: float = 1.0,
    update: Update = lambda done, total, text: None,
) -> np.ndarray:
    """Draw one image a seed: the same image whatever the other seeds are.

    Args:
      generator: draws codes and images.
      params: its weights.
      seeds: whole numbers from 0 up.
      truncation: how far codes stray from the centre of the family's codes, 1 for freely.
      update: told after every batch.

    Returns:
      ``[n, H, W, 3]`` float32, nominally in [-1, 1].

    Raises:
      InputError: truncation for a family whose codes have no centre.

    """
    if truncation != 1.0 and generator.centre is None:
        raise InputError(f"the codes of {generator.spec.name} have no centre: leave out truncation")

    def draw(params: Any, key: Any) -> Any:
        code = generator.draw(params, key, 1)
        if truncation == 1.0 or generator.centre is None:
            return code
        centre = generator.centre(params)
        return jax.tree.map(lambda z, c: c[None] + truncation * (z - c[None]), code, centre)

    draw_code, draw_image = jax.jit(draw), jax.jit(lambda params, z: generator(params, z))
    height, width, _ = generator.spec.image_shape
    batch = max(1, min(len(seeds), _PIXELS_AT_ONCE // (height * width)))
    images: list[np.ndarray] = []
    for start in range(0, len(seeds), batch):
        # The last batch is filled up, so that one shape is compiled.
        these = [*seeds[start : start + batch], *[0] * batch][:batch]
        codes = [draw_code(params, jax.random.key(seed)) for seed in these]
        joined = jax.tree.map(lambda *parts: jnp.concatenate(parts), *codes)
        images.extend(np.asarray(draw_image(params, joined)))
        update(min(len(images), len(seeds)), len(seeds), "")
    return np.stack(images[: len(seeds)])


def save_sheets(folder: Path, generator: SplitGenerator, params: Any, count: int) -> list[Path]:
    """Save the first samples as a sheet, and their mean, in the folder of the weights.

    The mean shows how photographs have to be framed. Of small images it is taken over more of them
    than the sheet shows.
    """
    height, width, _ = generator.spec.image_shape
    several = max(count, _MEAN_OF if height * width <= 128 * 128 else 0)
    images = draw_samples(generator, params, range(several))
    paths = [folder / SAMPLES_FILE, folder / MEAN_FILE]
    save_png(paths[0], samples_sheet(to_uint8(images[:count])))
    save_png(paths[1], to_uint8(images.mean(0, keepdims=True))[0])
    return paths


def samples_sheet(images: np.ndarray) -> np.ndarray:
    """Samples ``[n, H, W, 3]`` uint8 side by side, about as many columns as lines."""
    columns = int(np.ceil(np.sqrt(len(images))))
    return grid(images, columns, cell=min(256, images.shape[1]))
