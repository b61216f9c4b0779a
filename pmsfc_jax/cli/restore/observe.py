"""From a photograph as it is to an observation: what is compared, and through which degradation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pmsfc_jax.api import Observation, degradations
from pmsfc_jax.cli.restore.picture import Picture, read_picture
from pmsfc_jax.cli.restore.taken import is_small, taken_for
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float
from pmsfc_jax.io.crop import Crop
from pmsfc_jax.io.refusals import PhotographError
from pmsfc_jax.tasks.degradations.resampling import resampling_matrix

#: Noise below this, in grey levels, is what rounding makes of it.
_LEAST_NOISE = 0.5
#: A pixel of a reduced photograph is known where at least this share of its area is.
_KNOWN_SHARE = 0.5


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
    pixels, known = _reduced(picture, size, holed="inpaint" in tasks)
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
            operands.append(_kernel(request.kernel, picture.size, size))
        elif task == "denoise":
            levels = _noise(picture, size, request.sigma)
            facts.append(f"noise of {levels:.1f} grey levels")
            links.append(degradations.noise())
            operands.append(degradations.sigmas_of(levels, 1)[0])
        elif task == "jpeg":
            compression = _compression(picture, size, request.quality)
            links.append(degradations.jpeg(compression.subsampling))
            operands.append(degradations.tables_of(compression, 1)[0])
        else:
            assert known is not None
            facts.append(f"{100 * (1 - known.mean()):.0f} % hidden")
            links.append(degradations.mask())
            operands.append(_known(known))
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


def _reduced(
    picture: Picture, size: tuple[int, int], *, holed: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels ``[h, w, 3]`` uint8 and, with holes, the known share of each pixel ``[h, w]``.

    Beside holes a reduced pixel is the mean over that part of its area which is known.
    """
    if not holed:
        if picture.size == size:
            return picture.pixels, None
        image = Image.fromarray(picture.pixels)
        return np.array(image.resize(size[::-1], Image.Resampling.LANCZOS)), None
    assert picture.holes is not None
    known = (~picture.holes).astype(np.float64)
    if picture.size == size:
        return picture.pixels, known
    rows = resampling_matrix(picture.size[0], size[0], "box")
    columns = resampling_matrix(picture.size[1], size[1], "box")
    share = rows @ known @ columns.T
    total = np.einsum("hH,HWc,wW->hwc", rows, known[..., None] * picture.pixels, columns)
    levels = total / np.maximum(share, 1e-6)[..., None]
    pixels = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return pixels, np.where(share >= _KNOWN_SHARE, share, 0.0)


def _known(known: np.ndarray) -> np.ndarray:
    if known.min() == 1:
        raise InputError("its mask has no hole: white is a hole, black is what was observed")
    if known.max() == 0:
        raise InputError("its mask hides the whole picture: white is a hole, black is not")
    operand: np.ndarray = degradations.known_where(1 - known, 1)[0]
    return operand


def _noise(picture: Picture, size: tuple[int, int], sigma: float | None) -> float:
    """Its level once the photograph is reduced: means of many pixels have less."""
    if sigma is None:
        if min(picture.size) < 4:
            raise InputError("it is too small to estimate its noise: give --sigma")
        sigma = float(degradations.estimate_sigma(picture.pixels[None])[0])
    for before, after in zip(picture.size, size, strict=True):
        if before != after:
            rows = resampling_matrix(before, after, "lanczos")
            sigma *= float(np.sqrt(np.square(rows).sum(axis=1)).mean())
    if sigma < _LEAST_NOISE:
        raise InputError(
            f"its noise is {sigma:.2f} grey levels at {size[1]}x{size[0]} pixels, less than "
            "rounding makes: there is nothing to remove"
        )
    return sigma


def _kernel(
    kernel: np.ndarray | None, before: tuple[int, int], after: tuple[int, int]
) -> np.ndarray | None:
    """The kernel in pixels of the reduced photograph."""
    if kernel is None:
        return None
    factor = before[0] / after[0]
    if factor > 1:
        kernel = _smaller(kernel, factor)
        if len(kernel) == 1:
            raise InputError(
                f"reduced {factor:.1f} times to what the generator draws, nothing is left of its "
                "blur: it needs no deblurring"
            )
    if len(kernel) // 2 >= min(after):
        raise InputError(
            f"its kernel has {len(kernel)} pixels a side and it has {min(after)}: a blur reaches "
            "less far than the picture"
        )
    return kernel


def _smaller(kernel: np.ndarray, factor: float) -> np.ndarray:
    """A kernel whose points lie ``factor`` times closer, shared out linearly among pixels."""
    radius = len(kernel) // 2
    reach = int(np.ceil(radius / factor))
    line = np.zeros((2 * reach + 1, len(kernel)))
    for i, place in enumerate((np.arange(len(kernel)) - radius) / factor + reach):
        low = int(np.floor(place))
        line[low, i] += 1 - (place - low)
        if place > low:
            line[low + 1, i] += place - low
    small = line @ kernel @ line.T
    # What is nearly one point is none.
    if small[reach, reach] > 0.98 * small.sum():
        return np.ones((1, 1), np.float32)
    return (small / small.sum()).astype(np.float32)


def _compression(
    picture: Picture, size: tuple[int, int], quality: int | None
) -> degradations.Compression:
    if quality is None and picture.compression is None:
        raise InputError(
            "it is no JPEG file, or was turned, and so does not say how it was compressed: give "
            "--quality"
        )
    if picture.size != size:
        raise InputError(
            f"it has {picture.size[1]}x{picture.size[0]} pixels, and blocks of a JPEG do not "
            f"outlast being reduced to {size[1]}x{size[0]}: give --crop X,Y,{size[1]},{size[0]}"
        )
    compression = picture.compression
    if quality is not None:
        compression = degradations.compression_of_quality(quality)
    assert compression is not None
    block = 8 if compression.subsampling == "4:4:4" else 16
    if any(edge % block for edge in picture.corner):
        raise InputError(
            f"the crop cuts through blocks of the JPEG: let X and Y be multiples of {block}"
        )
    return compression
