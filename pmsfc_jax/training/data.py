"""A folder of images as uint8 arrays in memory, at each resolution of a progressive run."""

import hashlib
from pathlib import Path

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.find import find_photographs
from pmsfc_jax.io.images import load_photographs


def load_folder(folder: Path, resolution: int) -> tuple[np.ndarray, str, list[str]]:
    """Read every image of ``folder``, cropped and resized to a square.

    Returns:
      ``images [N, R, R, 3]`` uint8 in the order of their names, a sha256 over them (which data it
      was), and a line for each file that could not be read.

    Raises:
      InputError: no image could be read.

    """
    photographs, skipped = load_photographs(find_photographs([folder]), (resolution, resolution))
    if not photographs:
        raise InputError(f"{folder}: none of its images could be read")
    images = np.stack([photograph.pixels for photograph in photographs])
    digest = hashlib.sha256(images.tobytes()).hexdigest()
    return images, digest, [f"{skip.path}: {skip.reason}" for skip in skipped]


def halve(images: np.ndarray) -> np.ndarray:
    """Average blocks of two by two pixels of ``images [N, H, W, 3]`` uint8."""
    n, h, w, c = images.shape
    blocks = images.reshape(n, h // 2, 2, w // 2, 2, c).astype(np.uint16)
    return ((blocks.sum((2, 4)) + 2) // 4).astype(np.uint8)


def batch_indices(num_images: int, batch_size: int, step: int, seed: int) -> np.ndarray:
    """Indices of the photographs of step ``step``: every epoch in its own shuffled order.

    A pure function of its arguments, so that a resumed run sees what an uninterrupted one would.
    """
    positions = step * batch_size + np.arange(batch_size)
    epochs = positions // num_images
    order = {
        int(epoch): np.random.default_rng((seed, int(epoch))).permutation(num_images)
        for epoch in np.unique(epochs)
    }
    return np.array([order[int(e)][p % num_images] for e, p in zip(epochs, positions, strict=True)])
