"""What a user would do without a generator: the rows that a table of restorations must have.

Each baseline takes what was observed and gives pictures of the size that was asked for. Resampling
is Pillow's; interpolation, total variation, non-local means, wavelets and deconvolution come from
scipy and scikit-image, fast marching and Navier-Stokes inpainting from OpenCV, which the extra
``bench`` installs. Settings that depend on the noise are taken from its known level, else from its
estimate.
"""

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float, to_uint8
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.tasks.degradations import Degradation, estimate_sigma
from pmsfc_jax.tasks.degradations.degradation import Shape, as_rgb
from pmsfc_jax.tasks.degradations.downsample import resize
from pmsfc_jax.tasks.degradations.grey import LUMA
from pmsfc_jax.tasks.degradations.resampling import Filter

#: What was observed to restored pictures ``[n, H, W, 3]`` uint8.
Baseline = Callable[[Observation], np.ndarray]
#: One picture ``[h, w, 3]`` in [0, 1] and the standard deviation of its noise there to another.
_Filter = Callable[[np.ndarray, float], np.ndarray]

# All settings are the best on eight training photographs of 32x32, blurred by a Gaussian of 1.5
# pixels, compressed with qualities 10 and 30, or with noise of 15, 25 and 50 grey levels.

#: Weight of total variation and strength of non-local means, in standard deviations of the noise.
TV_WEIGHT = 0.6
NLM_STRENGTH = 0.6
#: What counts as the noise of a JPEG, in means of the steps of luma's nine lowest frequencies.
JPEG_SHARE = 0.22
#: Rounds of Richardson-Lucy, and the weight of the Laplacian in Wiener's filter.
RL_ROUNDS = 100
WIENER_BALANCE = 1e-4


def baselines(degradation: Degradation, image_shape: Shape) -> dict[str, Baseline]:
    """The baselines of a degradation, by name, in the order of a table.

    A chain, and a function of the user's, has its simple inverse, and that smoothed by total
    variation.

    Args:
      degradation: what was done to the photographs.
      image_shape: of what is to be restored, ``(H, W, 3)``.

    Raises:
      InputError: the extra ``bench`` is not installed (when such a baseline is called).

    """
    name = degradation.operator.name
    inverse = partial(_inverse, degradation, image_shape)
    if name == "grey":
        return {"grey itself": inverse}
    if name == "downsample":
        kinds: tuple[Filter, ...] = ("bicubic", "lanczos")
        enlarged: dict[str, Baseline] = {"nearest": partial(_nearest, image_shape)}
        enlarged |= {kind: partial(_enlarged, image_shape, kind) for kind in kinds}
        # Moved to the nearest picture that is the observation when it is made small.
        projected = partial(_put_back, degradation, enlarged["bicubic"])
        return enlarged | {"bicubic, back-projected": projected}
    if name == "mask":
        return {
            "mean colour": inverse,
            "linear": _linear,
            "biharmonic": _biharmonic,
            "Telea": partial(_opencv, "INPAINT_TELEA"),
            "Navier-Stokes": partial(_opencv, "INPAINT_NS"),
        }
    filters: dict[str, _Filter] = {
        "total variation": _total_variation,
        "non-local means": _non_local_means,
        "wavelets": _wavelets,
    }
    filtered: dict[str, Baseline] = {
        label: partial(_filtered, degradation, inverse, function)
        for label, function in filters.items()
    }
    if name == "noise":
        # A filtered picture is the guess by which what was given is filtered again.
        guided = partial(_put_back, degradation, filtered["non-local means"])
        return {"as it is": inverse} | filtered | {"non-local means, then Wiener": guided}
    if name in ("jpeg", "clip"):
        return {"as it is": inverse} | filtered
    if name == "blur":
        return {
            "as it is": lambda seen: to_uint8(seen.target),
            "least squares": inverse,
            "Wiener": _wiener,
            "Richardson-Lucy": _richardson_lucy,
        }
    return {"simple inverse": inverse, "total variation": filtered["total variation"]}


def mean_chroma(training: np.ndarray, observed: Observation) -> np.ndarray:
    """Grey photographs coloured by the mean chroma of training photographs at each pixel.

    Args:
      training: ``[m, H, W, 3]`` uint8.
      observed: grey, ``[n, H, W, 1]``.

    Returns:
      ``[n, H, W, 3]`` uint8.

    """
    mean = training.astype(np.float64).mean(axis=0) / 127.5 - 1
    chroma = mean - (mean @ np.array(LUMA))[..., None]
    return to_uint8(np.asarray(observed.target, np.float64) + chroma)


def _inverse(degradation: Degradation, shape: Shape, seen: Observation) -> np.ndarray:
    return to_uint8(degradation.dagger(seen.operands, seen.target, shape))


def _rgb_levels(seen: Observation) -> np.ndarray:
    return to_uint8(as_rgb(seen.target))


def _nearest(shape: Shape, seen: Observation) -> np.ndarray:
    height, width = seen.target.shape[1:3]
    rows = (np.arange(shape[0]) + 0.5) * height / shape[0]
    columns = (np.arange(shape[1]) + 0.5) * width / shape[1]
    return _rgb_levels(seen)[:, rows.astype(int)][:, :, columns.astype(int)]


def _enlarged(shape: Shape, kind: Filter, seen: Observation) -> np.ndarray:
    return resize(_rgb_levels(seen), shape[:2], kind)


def _put_back(degradation: Degradation, simple: Baseline, seen: Observation) -> np.ndarray:
    """The pictures of another baseline, into which what was observed is put back."""
    pictures = jnp.asarray(to_float(simple(seen)))
    return to_uint8(degradation.finish(seen.operands, seen.target, pictures))


def _needed(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"this baseline needs {module.split('.')[0]}: install the extra, "
            "pip install 'pmsfc-jax[bench]'"
        ) from error


def _holes(seen: Observation) -> np.ndarray:
    """``[n, h, w]``, true where less than half of a pixel is known."""
    return np.asarray(seen.operands)[..., 0] < 0.5


def _linear(seen: Observation) -> np.ndarray:
    """Linear in the triangles of the known pixels around, the nearest one outside of all."""
    interpolate = _needed("scipy.interpolate")
    pictures = []
    for picture, hole in zip(_rgb_levels(seen), _holes(seen), strict=True):
        known, wanted = np.argwhere(~hole), np.argwhere(hole)
        values = picture[~hole].astype(np.float64)
        inside = interpolate.LinearNDInterpolator(known, values)(wanted)
        nearest = interpolate.NearestNDInterpolator(known, values)(wanted)
        filled = picture.copy()
        filled[hole] = np.clip(np.rint(np.where(np.isnan(inside), nearest, inside)), 0, 255)
        pictures.append(filled)
    return np.stack(pictures)


def _biharmonic(seen: Observation) -> np.ndarray:
    restoration = _needed("skimage.restoration")
    return np.stack(
        [
            _levels(restoration.inpaint_biharmonic(picture / 255, hole, channel_axis=-1))
            for picture, hole in zip(_rgb_levels(seen), _holes(seen), strict=True)
        ]
    )


def _opencv(method: str, seen: Observation) -> np.ndarray:
    cv2 = _needed("cv2")
    return np.stack(
        [
            cv2.inpaint(picture, hole.astype(np.uint8), 3, getattr(cv2, method))
            for picture, hole in zip(_rgb_levels(seen), _holes(seen), strict=True)
        ]
    )


def _levels(unit: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(unit * 255), 0, 255).astype(np.uint8)


def _filtered(
    degradation: Degradation, inverse: Baseline, function: _Filter, seen: Observation
) -> np.ndarray:
    """The simple inverse, each picture filtered for the noise that it has."""
    pictures = inverse(seen)
    known = degradation.operator.noise(seen.operands)
    if known is not None:
        sigmas = np.asarray(known) / 2
    elif degradation.operator.name == "jpeg":
        steps = np.asarray(seen.operands)[:, 0, :3, :3]
        sigmas = JPEG_SHARE * steps.mean(axis=(1, 2)) / 255
    else:
        sigmas = estimate_sigma(pictures) / 255
    return np.stack(
        [
            _levels(function(picture / 255, float(sigma)))
            for picture, sigma in zip(pictures, sigmas, strict=True)
        ]
    )


def _total_variation(picture: np.ndarray, sigma: float) -> np.ndarray:
    restoration = _needed("skimage.restoration")
    found: np.ndarray = restoration.denoise_tv_chambolle(
        picture, weight=TV_WEIGHT * sigma, max_num_iter=400, channel_axis=-1
    )
    return found


def _non_local_means(picture: np.ndarray, sigma: float) -> np.ndarray:
    restoration = _needed("skimage.restoration")
    found: np.ndarray = restoration.denoise_nl_means(
        picture,
        patch_size=5,
        patch_distance=7,
        h=NLM_STRENGTH * sigma,
        sigma=sigma,
        fast_mode=True,
        channel_axis=-1,
    )
    return found


def _wavelets(picture: np.ndarray, sigma: float) -> np.ndarray:
    """BayesShrink in YCbCr, which is what scikit-image advises for colour."""
    _needed("pywt")
    restoration = _needed("skimage.restoration")
    found: np.ndarray = restoration.denoise_wavelet(
        picture, sigma=sigma, convert2ycbcr=True, channel_axis=-1, rescale_sigma=True
    )
    return found


def _deconvolved(
    seen: Observation, function: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Each colour of each picture by its own kernel, the picture mirrored around."""
    pictures = []
    for picture, kernel in zip(_rgb_levels(seen), np.asarray(seen.operands), strict=True):
        rim = min(2 * kernel.shape[-1], *picture.shape[:2])
        padded = np.pad(picture / 255, ((rim, rim), (rim, rim), (0, 0)), "symmetric")
        colours = [function(padded[..., i], kernel.astype(np.float64)) for i in range(3)]
        pictures.append(_levels(np.stack(colours, axis=-1)[rim:-rim, rim:-rim]))
    return np.stack(pictures)


def _wiener(seen: Observation) -> np.ndarray:
    restoration = _needed("skimage.restoration")
    return _deconvolved(seen, lambda x, kernel: restoration.wiener(x, kernel, WIENER_BALANCE))


def _richardson_lucy(seen: Observation) -> np.ndarray:
    restoration = _needed("skimage.restoration")
    return _deconvolved(
        seen, lambda x, kernel: restoration.richardson_lucy(x, kernel, num_iter=RL_ROUNDS)
    )
