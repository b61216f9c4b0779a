"""From a photograph as it is to an observation: what is compared, and through which degradation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pmsfc_jax.api import Observation, degradations
from pmsfc_jax.cli.restore.picture import Picture, read_picture
from pmsfc_jax.cli.restore.reduce import (
    compression_at,
    kernel_at,
    known_operand,
    noise_level,
    reduced,
)
from pmsfc_jax.cli.restore.taken import is_small, taken_for
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float
from pmsfc_jax.io.crop import Crop
from pmsfc_jax.io.refusals import PhotographError


@dataclass(frozen=True)
class Request:
    """What the user has said of the loss of all photographs.

    Attributes:
      tasks: words of `TASKS`; none for auto.
      size: ``(H, W)`` of what the generator draws.
      crop: the part of each that is wanted.
      masks: a mask's file by the name of a photograph's file; ``None`` for transparency.
      sigma: of the noise, in grey levels of the file; ``None`` to estimate it.
      kernel: of the blur ``[k, k]`` in pixels of the file; ``None`` to estimate it.
      quality: of the compression of files that are no JPEG.
      filter: by which small photographs were made small.

    """

    tasks: tuple[str, ...]
    size: tuple[int, int]
    crop: Crop
    masks: dict[str, Path] | None = None
    sigma: float | None = None
    kernel: np.ndarray | None = None
    quality: int | None = None
    filter: Any = "bicubic"

    @property
    def said(self) -> set[str]:
        """Losses that the user has told something of."""
        told = {
            "inpaint": self.masks,
            "denoise": self.sigma,
            "deblur": self.kernel,
            "jpeg": self.quality,
        }
        return {word for word, value in told.items() if value is not None}


@dataclass(frozen=True)
class Observed:
    """One photograph, ready to be restored.

    Attributes:
      tasks: what it has lost.
      degradation: all of them one after another.
      target: ``[h, w, c]`` uint8, what is compared.
      operands: of ``degradation``, without an axis of images. The kernel of a blur that is to be
        estimated is ``None``.
      facts: what a user may want to know: sizes, noise, share that is hidden.

    """

    tasks: tuple[str, ...]
    degradation: degradations.Degradation
    target: np.ndarray
    operands: Any
    facts: tuple[str, ...]


def observe(path: Path, name: str, request: Request) -> Observed:
    """Read a photograph and say what was observed of it.

    Args:
      path: the file.
      name: its file's name without the suffix, by which a mask is found.
      request: what the user has said.

    Raises:
      PhotographError: it cannot be used, or is not what a task is for.

    """
    mask = None
    if request.masks is not None:
        if name not in request.masks:
            raise PhotographError(path, f"there is no mask called {name} in the folder of --mask")
        mask = request.masks[name]
    picture = read_picture(path, request.crop, request.size, mask)
    try:
        return _observed(picture, request)
    except InputError as error:
        raise PhotographError(path, str(error)) from error


def stacked(observed: list[Observed]) -> Observation:
    """Photographs of one degradation as one observation, leaves ``[n, ...]``."""
    import jax

    operands = jax.tree.map(lambda *leaves: np.stack(leaves), *(one.operands for one in observed))
    return Observation(to_float(np.stack([one.target for one in observed])), operands)


def _observed(picture: Picture, request: Request) -> Observed:
    tasks = request.tasks or taken_for(picture, request.size, request.said)
    _check_need(picture, tasks, request.size)
    size = picture.size if "super" in tasks else request.size
    facts = [f"{picture.size[1]}x{picture.size[0]} pixels"]
    if size != picture.size:
        facts.append(f"reduced to {size[1]}x{size[0]}")
    pixels, known = reduced(picture, size, holed="inpaint" in tasks)
    if known is not None:
        # What is under a hole was not observed: it must not decide anything, the seed included.
        pixels = np.where(known[..., None] > 0, pixels, np.uint8(128))
    target = pixels
    links: list[degradations.Degradation] = []
    operands: list[Any] = []
    for task in tasks:
        if task == "super":
            links.append(degradations.downsample(size, request.filter))
            operands.append(())
        elif task == "colour":
            links.append(degradations.grey())
            operands.append(())
            target = np.asarray(Image.fromarray(pixels).convert("L"))[..., None]
        elif task == "deblur":
            links.append(degradations.blur())
            operands.append(kernel_at(request.kernel, picture.size, size))
        elif task == "denoise":
            levels = noise_level(picture, size, request.sigma)
            facts.append(f"noise of {levels:.1f} grey levels")
            links.append(degradations.noise())
            operands.append(degradations.sigmas_of(levels, 1)[0])
        elif task == "jpeg":
            compression = compression_at(picture, size, request.quality)
            links.append(degradations.jpeg(compression.subsampling))
            operands.append(degradations.tables_of(compression, 1)[0])
        else:
            assert known is not None
            facts.append(f"{100 * (1 - known.mean()):.0f} % hidden")
            links.append(degradations.mask())
            operands.append(known_operand(known))
    whole = links[0] if len(links) == 1 else degradations.chain(*links)
    given = operands[0] if len(links) == 1 else tuple(operands)
    return Observed(tasks, whole, target, given, tuple(facts))


def _check_need(picture: Picture, tasks: tuple[str, ...], size: tuple[int, int]) -> None:
    """Refuse a task that the photograph does not need, and one that it cannot have."""
    height, width = size
    has = f"it has {picture.size[1]}x{picture.size[0]} pixels and the generator draws "
    has += f"{width}x{height}"
    small = is_small(picture, size)
    if "super" in tasks and (not small or picture.size[0] > height or picture.size[1] > width):
        raise InputError(f"{has}: super is for photographs that are smaller")
    if "super" not in tasks and small:
        also = ",".join(word for word in ("super", *tasks))
        raise InputError(f"{has}: give --task {also}, since it is small as well")
    if "colour" in tasks and not picture.is_grey:
        raise InputError("it has colours: colour is for grey photographs")
    if "inpaint" in tasks and picture.holes is None:
        raise InputError("nothing of it is transparent: give --mask, whose white is a hole")
