"""Drawings on disk: files of codes, the codes of a run's folder, and edited features."""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.compositions import COMPOSITIONS
from pmsfc_jax.inversion.drawing import Drawing, join
from pmsfc_jax.io import codes as files
from pmsfc_jax.io.arrays import load_arrays, save_arrays
from pmsfc_jax.io.codes import SavedCodes
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.io.runs import RunFolder
from pmsfc_jax.io.trees import flat, nested
from pmsfc_jax.tasks.edit.directions.directions import Directions
from pmsfc_jax.tasks.edit.edited import Edited
from pmsfc_jax.tasks.edit.parts.parts import Parts

_EDITED, _EDITED_FORMAT = "edited features", 1
_DIRECTIONS, _DIRECTIONS_FORMAT = "directions", 1
_PARTS, _PARTS_FORMAT = "parts", 1
_PARTS_FACTS = ("layer", "generator", "identity", "smoothed")


def to_file(
    drawing: Drawing,
    losses: np.ndarray | None = None,
    *,
    target_sha256: str = "",
    source: str = "",
    source_sha256: str = "",
) -> SavedCodes:
    """A drawing as it lies in a file.

    Args:
      drawing: of ``n`` pictures.
      losses: ``[n, num_steps]``, how they were found.
      target_sha256: of a single picture's target, its uint8 pixels.
      source: the name of its photograph's file.
      source_sha256: of that file's bytes.

    """
    codes, count = jax.tree.map(np.asarray, drawing.codes), len(drawing)
    return SavedCodes(
        latent=codes.latent,
        w=codes.w,
        context=codes.context,
        masks=np.asarray(drawing.masks, np.float32),
        losses=np.zeros((count, 0), np.float32) if losses is None else losses,
        layer=drawing.layer,
        composition=drawing.composition,
        precision=drawing.precision,
        generator=drawing.generator,
        identity=drawing.identity,
        target_sha256=target_sha256,
        source=source,
        source_sha256=source_sha256,
    )


def from_file(saved: SavedCodes, name: str) -> Drawing:
    """The drawing that lies in a file.

    Args:
      saved: what was read.
      name: of the file, for messages.

    Raises:
      InputError: its composition is not known, or does not fit its masks.

    """
    composition = COMPOSITIONS.get(saved.composition)
    if composition is None:
        raise InputError(
            f"{name} was composed by {saved.composition!r}, which this version of pmsfc_jax does "
            f"not know ({', '.join(COMPOSITIONS)}): upgrade"
        )
    if len(composition.rows(jnp.asarray(saved.masks))) != saved.w.shape[1]:
        raise InputError(f"{name} is damaged: codes, weights and masks do not fit together")
    return Drawing(
        codes=Codes(saved.latent, saved.w, saved.context),
        masks=saved.masks,
        layer=int(saved.layer),
        composition=saved.composition,
        precision=saved.precision,
        generator=saved.generator,
        identity=saved.identity,
    )


def save_codes(path: str | os.PathLike[str], drawing: Drawing) -> None:
    """Write a drawing to an ``.npz`` file that plain numpy reads, whole or not at all.

    Raises:
      InputError: the file cannot be written.

    """
    files.save_codes(path, to_file(drawing))


def load_codes(path: str | os.PathLike[str]) -> Drawing:
    """Read the drawing of a file of codes, or of all pictures of a run's folder, by name.

    Nothing in the files is executed. Files of earlier versions are read.

    Raises:
      InputError: a file is absent, damaged, of a newer version or another kind; a folder holds no
        codes.

    """
    path = Path(path)
    if not path.is_dir():
        return from_file(files.load_codes(path), shown(path))
    run = RunFolder(path)
    return join([load_codes(run.codes_path(name)) for name in run.names()])


def save_edited(path: str | os.PathLike[str], edit: Edited) -> None:
    """Write edited features and their recipe to an ``.npz`` file, whole or not at all.

    Raises:
      InputError: the file cannot be written.

    """
    context = {} if edit.context is None else flat("context", edit.context)
    names = ("layer", "precision", "generator", "identity", "recipe")
    facts = {name: getattr(edit, name) for name in names}
    save_arrays(path, {"h": edit.h} | context, facts | {"kind": _EDITED, "format": _EDITED_FORMAT})


def load_edited(path: str | os.PathLike[str]) -> Edited:
    """Read what `save_edited` wrote. Nothing in the file is executed.

    Raises:
      InputError: the file is absent, damaged, or of a newer version or another kind.

    """
    arrays, facts = load_arrays(path, kind=_EDITED, newest=_EDITED_FORMAT)
    names = ("layer", "precision", "generator", "identity", "recipe")
    try:
        h, parts = arrays["h"], {name: facts[name] for name in names}
        context = nested("context", arrays) if len(arrays) > 1 else None
    except KeyError as error:
        raise InputError(f"{shown(path)} is damaged: it lacks a part of the features") from error
    if h.ndim != 4:
        raise InputError(f"{shown(path)} is damaged: its features have shape {h.shape}")
    return Edited(h=h, context=context, **parts)


def save_directions(path: str | os.PathLike[str], directions: Directions) -> None:
    """Write directions to an ``.npz`` file that plain numpy reads, whole or not at all.

    Raises:
      InputError: the file cannot be written.

    """
    names = ("space", "names", "layer", "subspaces", "generator", "identity", "about")
    facts = {name: getattr(directions, name) for name in names}
    facts |= {"about": dict(directions.about)}
    save_arrays(
        path,
        flat("steps", directions.steps),
        facts | {"kind": _DIRECTIONS, "format": _DIRECTIONS_FORMAT},
    )


def load_directions(path: str | os.PathLike[str]) -> Directions:
    """Read what `save_directions` wrote, or an array ``[d]`` or ``[n, d]`` of latent directions.

    The latter is what InterFaceGAN's boundaries are, ``.npy`` files of unit vectors; an amount of 1
    adds one as it is. Nothing in the file is executed.

    Raises:
      InputError: the file is absent, damaged, or of a newer version or another kind.

    """
    path = Path(path)
    if path.suffix == ".npy":
        return _plain_directions(path)
    arrays, facts = load_arrays(path, kind=_DIRECTIONS, newest=_DIRECTIONS_FORMAT)
    try:
        steps = nested("steps", arrays)
        subspaces = facts["subspaces"]
        found = Directions(
            space=facts["space"],
            steps=steps,
            names=tuple(facts["names"]),
            layer=facts["layer"],
            subspaces=None if subspaces is None else tuple(subspaces),
            generator=facts["generator"],
            identity=facts["identity"],
            about=facts["about"],
        )
    except KeyError as error:
        raise InputError(f"{shown(path)} is damaged: it lacks a part of the directions") from error
    if any(len(leaf) != len(found) for leaf in jax.tree.leaves(steps)):
        raise InputError(f"{shown(path)} is damaged: names and directions differ in number")
    return found


def save_parts(path: str | os.PathLike[str], parts: Parts) -> None:
    """Write parts to an ``.npz`` file that plain numpy reads, whole or not at all.

    Raises:
      InputError: the file cannot be written.

    """
    facts = {name: getattr(parts, name) for name in _PARTS_FACTS}
    facts |= {"about": dict(parts.about), "kind": _PARTS, "format": _PARTS_FORMAT}
    save_arrays(path, {"centres": parts.centres}, facts)


def load_parts(path: str | os.PathLike[str]) -> Parts:
    """Read what `save_parts` wrote, or the ``parts.npz`` of a folder. Nothing is executed.

    Raises:
      InputError: the file is absent, damaged, or of a newer version or another kind.

    """
    path = Path(path)
    path = path / "parts.npz" if path.is_dir() else path
    arrays, facts = load_arrays(path, kind=_PARTS, newest=_PARTS_FORMAT)
    names = (*_PARTS_FACTS, "about")
    try:
        found = Parts(centres=arrays["centres"], **{name: facts[name] for name in names})
    except KeyError as error:
        raise InputError(f"{shown(path)} is damaged: it lacks a piece of the parts") from error
    if found.centres.ndim != 2:
        raise InputError(f"{shown(path)} is damaged: its centres have no channels")
    return found


def _plain_directions(path: Path) -> Directions:
    try:
        steps = np.load(path, allow_pickle=False)
    except OSError as error:
        raise InputError(
            f"cannot read directions from {shown(path)}: {os_reason(error)}"
        ) from error
    except ValueError as error:
        raise InputError(f"{shown(path)} is damaged or holds no plain array") from error
    steps = np.atleast_2d(steps)
    if steps.ndim != 2 or steps.dtype.kind != "f" or not np.isfinite(steps).all():
        raise InputError(
            f"{shown(path)} holds an array of shape {steps.shape} and dtype {steps.dtype}: "
            "directions are finite floats, [d] or [n, d]"
        )
    names = [path.stem] if len(steps) == 1 else [str(number) for number in range(len(steps))]
    return Directions("latent", steps.astype(np.float32), tuple(names))
