"""Degradations of photographs, one file each; `degradation` says what one is.

They are static and hashable. What differs from photograph to photograph is an operand, made by the
function named here, so that another mask, kernel, sigma or table compiles nothing:

    grey()                  ()
    downsample(size, kind)  ()
    clip(low, high)         ()
    mask()                  known_where(holes, count)
    blur()                  kernels_of(kernel, count): gaussian, motion, disk, read_kernel
    noise()                 sigmas_of(levels, count): estimate_sigma
    jpeg(subsampling)       tables_of(compression, count): compression_of_quality, _of_file
    chain(a, b, ...)        a tuple of theirs
    load_degradation(where) ()
"""

from pmsfc_jax.tasks.degradations.blur import blur
from pmsfc_jax.tasks.degradations.chain import chain
from pmsfc_jax.tasks.degradations.clip import clip
from pmsfc_jax.tasks.degradations.degradation import Degradation, observe
from pmsfc_jax.tasks.degradations.downsample import downsample
from pmsfc_jax.tasks.degradations.grey import grey
from pmsfc_jax.tasks.degradations.jpeg import jpeg
from pmsfc_jax.tasks.degradations.jpeg_tables import (
    Compression,
    compression_of_file,
    compression_of_quality,
    tables_of,
)
from pmsfc_jax.tasks.degradations.kernel_fit import fit_kernel
from pmsfc_jax.tasks.degradations.kernels import disk, gaussian, kernels_of, motion, read_kernel
from pmsfc_jax.tasks.degradations.mask import (
    centre_hole,
    known_where,
    mask,
    missing_pixels,
    strokes,
)
from pmsfc_jax.tasks.degradations.noise import estimate_sigma, noise, sigmas_of
from pmsfc_jax.tasks.degradations.user import degradation_of, load_degradation

__all__ = [
    "Compression",
    "Degradation",
    "blur",
    "centre_hole",
    "chain",
    "clip",
    "compression_of_file",
    "compression_of_quality",
    "degradation_of",
    "disk",
    "downsample",
    "estimate_sigma",
    "fit_kernel",
    "gaussian",
    "grey",
    "jpeg",
    "kernels_of",
    "known_where",
    "load_degradation",
    "mask",
    "missing_pixels",
    "motion",
    "noise",
    "observe",
    "read_kernel",
    "sigmas_of",
    "strokes",
    "tables_of",
]
