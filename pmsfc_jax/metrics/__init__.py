"""How good a picture is: PSNR, SSIM and an independent perceptual distance, on uint8 images."""

from pmsfc_jax.metrics.image_metrics import psnr, ssim
from pmsfc_jax.metrics.perceptual import (
    load_squeezenet,
    perceptual_distance,
    perceptual_embedding,
)

__all__ = ["load_squeezenet", "perceptual_distance", "perceptual_embedding", "psnr", "ssim"]
