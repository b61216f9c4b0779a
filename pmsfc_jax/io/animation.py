"""Moving pictures: GIF, which everything shows, and APNG, which keeps every colour."""

import io
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import write_bytes_atomic

#: A picture smaller than this many pixels is enlarged by a whole factor.
_SIDE = 256


def save_gif(path: str | os.PathLike[str], frames: np.ndarray, *, fps: float = 10) -> None:
    """Write pictures as a GIF that plays there and back for ever; whole or not at all.

    All frames share one palette of 256 colours, so that nothing flickers.

    Args:
      path: the file.
      frames: ``[n, H, W, 3]`` uint8, at least two.
      fps: frames a second.

    Raises:
      InputError: fewer than two frames, or the file cannot be written.

    """
    pictures = _there_and_back(frames)
    # The palette is that of all frames beneath each other.
    stacked = Image.fromarray(np.concatenate(list(_checked(frames))))
    palette = stacked.quantize(256, Image.Quantize.MEDIANCUT)
    indexed = [picture.quantize(palette=palette) for picture in pictures]
    _write(path, indexed, "GIF", fps, disposal=1)


def save_apng(path: str | os.PathLike[str], frames: np.ndarray, *, fps: float = 10) -> None:
    """Write pictures as an animated PNG; arguments and errors as of `save_gif`."""
    _write(path, _there_and_back(frames), "PNG", fps)


def _checked(frames: np.ndarray) -> np.ndarray:
    frames = np.asarray(frames)
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
        raise TypeError(f"frames are [n, H, W, 3] uint8, not {frames.shape} {frames.dtype}")
    if len(frames) < 2:
        raise InputError("a moving picture needs two frames or more")
    return frames


def _there_and_back(frames: np.ndarray) -> list[Image.Image]:
    frames = _checked(frames)
    factor = max(1, _SIDE // max(frames.shape[1:3]))
    order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
    large = frames.repeat(factor, 1).repeat(factor, 2)
    return [Image.fromarray(large[i]) for i in order]


def _write(
    path: str | os.PathLike[str],
    pictures: Sequence[Image.Image],
    kind: str,
    fps: float,
    **options: int,
) -> None:
    if not fps > 0:
        raise InputError(f"frames a second is {fps}: give a number above 0")
    buffer = io.BytesIO()
    pictures[0].save(
        buffer,
        kind,
        save_all=True,
        append_images=list(pictures[1:]),
        duration=1000 / fps,
        loop=0,
        **options,
    )
    write_bytes_atomic(path, buffer.getvalue())
