"""Sample sheets: what the averaged generator draws from latents that never change."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.images import to_uint8
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.io.images import save_png
from pmsfc_jax.nn import pggan
from pmsfc_jax.nn.pggan import PGGANConfig
from pmsfc_jax.report.sheet import grid
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.equalised import to_effective


@lru_cache(maxsize=2)
def _drawing(config: PGGANConfig) -> Callable[[Params, Array, Array], Array]:
    """``(params, z, fade) -> images``, jitted once for a stage."""
    module = pggan.pure_module(config)

    def draw(params: Params, z: Array, fade: Array) -> Array:
        bound = module.bind(to_effective(params))
        return bound.tail(bound.head(z, 0), 0, fade if config.fade else None)

    return jax.jit(draw)


def sample_average(
    average: Params, config: TrainingConfig, side: int, fade: float, num: int = 64
) -> np.ndarray:
    """Draw ``num`` samples of the averaged generator as uint8 ``[num, side, side, 3]``.

    The latents are those of seed 0 whatever the run's seed, so that sheets can be compared.
    """
    z = jax.random.normal(jax.random.key(0), (num, config.latent_dim))
    return to_uint8(_drawing(config.generator(side, fade > 0))(average, z, jnp.float32(fade)))


def save_sheet(
    run: Path, images: int, average: Params, config: TrainingConfig, side: int, fade: float
) -> None:
    """Write a sheet of 64 samples to ``run/samples/IMAGES.png``."""
    folder = run / "samples"
    folder.mkdir(exist_ok=True)
    save_png(folder / f"{images:08d}.png", grid(sample_average(average, config, side, fade), 8))
