"""Files of codes: everything needed to draw pictures again, to edit them or to mix them.

A run writes one file an image; a file may hold several.
"""

import os
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.arrays import load_arrays, save_arrays
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.trees import flat, nested

_KIND, _FORMAT = "inversion codes", 2
_PLAIN = ("w", "masks", "losses")
_TREES = ("latent", "context")


class SavedCodes(NamedTuple):
    """The codes of ``n`` pictures, as they lie in a file.

    Attributes:
      latent: latent codes, an array or nested dict of arrays ``[n, r, k, ...]`` float32.
      w: weights ``[n, r, k, C]`` float32.
      context: what was optimised of the context, nested dict of arrays ``[n, ...]``, or ``()``.
      masks: ``[R, C]`` float32, the partition they were found with.
      losses: ``[n, num_steps]`` float32, the objective before each step.
      layer: the cut.
      composition: how features are composed.
      precision: of the matrix products they were found and drawn with.
      generator: name of the generator.
      identity: hash of its stored weights; empty where they never were stored.
      target_sha256: of the target's uint8 pixels, in files of one picture.
      source: name of the photograph's file, likewise.
      source_sha256: of that file's bytes, likewise.

    """

    latent: Any
    w: np.ndarray
    context: Any
    masks: np.ndarray
    losses: np.ndarray
    layer: int
    composition: str
    precision: str
    generator: str
    identity: str
    target_sha256: str = ""
    source: str = ""
    source_sha256: str = ""


def save_codes(path: str | os.PathLike[str], codes: SavedCodes) -> None:
    """Write an ``.npz`` that plain numpy reads, whole or not at all.

    Raises:
      InputError: the file cannot be written.

    """
    facts = {k: v for k, v in codes._asdict().items() if k not in (*_PLAIN, *_TREES)}
    arrays = {name: np.asarray(getattr(codes, name), np.float32) for name in _PLAIN}
    for name in _TREES:
        arrays |= flat(name, getattr(codes, name))
    save_arrays(path, arrays, facts | {"kind": _KIND, "format": _FORMAT})


def load_codes(path: str | os.PathLike[str]) -> SavedCodes:
    """Read what `save_codes` wrote, of this or an earlier format. Nothing in it is executed.

    Raises:
      InputError: the file is absent, damaged, not a file of codes, or of a newer format.

    """
    arrays, facts = load_arrays(path, kind=_KIND, newest=_FORMAT)
    try:
        parts = _first_format(arrays, facts) if facts["format"] == 1 else _parts(arrays, facts)
        codes = SavedCodes(**parts)
    except (KeyError, TypeError) as error:
        raise InputError(f"{shown(path)} is damaged: it lacks a part of the codes") from error
    if not _fits(codes):
        raise InputError(f"{shown(path)} is damaged: codes, weights and masks do not fit together")
    return codes


def _parts(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> dict[str, Any]:
    facts = {name: value for name, value in facts.items() if name not in ("kind", "format")}
    plain = {name: arrays[name] for name in _PLAIN}
    return facts | plain | {"latent": nested("latent", arrays), "context": _context(arrays)}


def _first_format(arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> dict[str, Any]:
    """Files of the first format held one picture, without an axis of its own."""
    facts = {name: value for name, value in facts.items() if name not in ("kind", "format")}
    composition = facts.pop("method")
    return facts | {
        "composition": composition,
        "latent": arrays["z"][None],
        "w": arrays["w"][None],
        "context": (),
        "masks": arrays["masks"],
        "losses": arrays["losses"][None],
    }


def _context(arrays: dict[str, np.ndarray]) -> Any:
    return nested("context", arrays) if any(n.startswith("context") for n in arrays) else ()


def _fits(codes: SavedCodes) -> bool:
    w, masks = codes.w, codes.masks
    latent = flat("latent", codes.latent).values()
    return (
        w.ndim == 4
        and masks.ndim == 2
        and w.shape[3] == masks.shape[1]
        and all(leaf.ndim >= 4 and leaf.shape[:3] == w.shape[:3] for leaf in latent)
        and len(codes.losses) == len(w)
        and all(len(leaf) == len(w) for leaf in flat("context", codes.context).values())
    )
