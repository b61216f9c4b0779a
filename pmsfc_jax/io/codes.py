"""One file per inverted image: everything needed to draw it again, to edit it or to mix it."""

import os
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.arrays import load_arrays, save_arrays
from pmsfc_jax.io.paths import shown

_KIND, _FORMAT = "inversion codes", 1
_ARRAYS = ("z", "w", "masks", "losses")


class SavedCodes(NamedTuple):
    """The codes of one image.

    Attributes:
      z: latent codes ``[R, K, d]`` float32.
      w: weights ``[R, K, C]`` float32.
      masks: ``[R, C]`` float32, the partition they were found with.
      losses: ``[num_steps]`` float32, the objective before each step.
      layer: the cut.
      method: how features are composed.
      precision: of the matrix products they were found and drawn with.
      generator: name of the generator.
      identity: hash of its stored weights; empty where they never were stored.
      target_sha256: of the target's uint8 pixels.

    """

    z: np.ndarray
    w: np.ndarray
    masks: np.ndarray
    losses: np.ndarray
    layer: int
    method: str
    precision: str
    generator: str
    identity: str
    target_sha256: str


def save_codes(path: str | os.PathLike[str], codes: SavedCodes) -> None:
    """Write an ``.npz`` that plain numpy reads, whole or not at all.

    Raises:
      InputError: the file cannot be written.

    """
    facts = {k: v for k, v in codes._asdict().items() if k not in _ARRAYS}
    arrays = {name: np.asarray(getattr(codes, name), np.float32) for name in _ARRAYS}
    save_arrays(path, arrays, facts | {"kind": _KIND, "format": _FORMAT})


def load_codes(path: str | os.PathLike[str]) -> SavedCodes:
    """Read what `save_codes` wrote. Nothing in the file is executed.

    Raises:
      InputError: the file is absent, damaged, not a file of codes, or of a newer format.

    """
    arrays, facts = load_arrays(path, kind=_KIND, newest=_FORMAT)
    del facts["kind"], facts["format"]
    if set(arrays) != set(_ARRAYS) or set(arrays) | set(facts) != set(SavedCodes._fields):
        raise InputError(f"{shown(path)} is damaged: it lacks a part of the codes")
    parts: dict[str, Any] = arrays | facts
    codes = SavedCodes(**parts)
    z, w, masks = codes.z, codes.w, codes.masks
    fits = z.ndim == w.ndim == 3 and masks.ndim == 2 and z.shape[:2] == w.shape[:2]
    # The method released has one more set of codes, which is on every channel.
    rows = z.shape[0] - (codes.method == "released")
    if not fits or masks.shape != (rows, w.shape[2]):
        raise InputError(f"{shown(path)} is damaged: codes, weights and masks do not fit together")
    return codes
