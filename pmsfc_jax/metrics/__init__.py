"""How good pictures are: PSNR, SSIM, an independent perceptual distance, and how like sets are."""

from pmsfc_jax.metrics.distribution import frechet_distance, nearest_neighbours, precision_recall
from pmsfc_jax.metrics.image_metrics import psnr, ssim
from pmsfc_jax.metrics.perceptual import (
    load_squeezenet,
    perceptual_distance,
    perceptual_embedding,
)

__all__ = [
    "frechet_distance",
    "load_squeezenet",
    "nearest_neighbours",
    "perceptual_distance",
    "perceptual_embedding",
    "precision_recall",
    "psnr",
    "ssim",
]
