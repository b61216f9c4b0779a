"""The folder that ``pmsfc discover`` writes: arrays, numbers, pictures and a page."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import Subspaces, save_subspaces
from pmsfc_jax.cli.discover.prepare import Job
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.effects.comparison import BesideRandom
from pmsfc_jax.effects.exchange import exchange_grid
from pmsfc_jax.io.arrays import save_arrays
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.images import save_png
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.io.runs import make_folder
from pmsfc_jax.report.subspaces import CAPTIONS, diagnostics, subspace_page, subspace_pictures
from pmsfc_jax.subspace.subspaces import discovery_of
from pmsfc_jax.version import __version__

PAGE = "report.html"
_NUMBERS, _ARRAYS = "diagnostics.json", "effects.npz"
# A stream of the seed's key that neither discovery nor effects use.
_GRID_STREAM = 102
_GRID_ROWS = 6


def write_folder(job: Job, folder: Path, subspaces: Subspaces, beside: BesideRandom | None) -> None:
    """Write everything; what was there of other subspaces goes.

    Args:
      job: what was done.
      folder: made where it is not there.
      subspaces: what was found.
      beside: its effects; None leaves out pictures and page.

    Raises:
      InputError: the folder cannot be written to.
    """
    make_folder(folder)
    _remove_stale(folder)
    save_subspaces(folder / "subspaces.npz", subspaces, seed=job.options.seed)
    facts = {
        "command": job.command,
        "generator": job.generator.spec.name,
        "weights_sha256": job.generator.spec.identity,
        "seed": job.options.seed,
        "perceptual_distance": job.judge,
        "settings": discovery_of(subspaces).settings.as_record(),
        "pmsfc_jax": __version__,
        "jax": jax.__version__,
    }
    if beside is not None:
        _write_report(job, folder, subspaces, beside, facts)
    numbers = diagnostics(subspaces, beside, facts)
    write_text_atomic(folder / _NUMBERS, json.dumps(numbers, indent=2) + "\n")


def _remove_stale(folder: Path) -> None:
    """Pictures and numbers of subspaces that were here before may not stay beside new ones."""
    try:
        for name in (PAGE, _NUMBERS, _ARRAYS, *(f"{name}.png" for name in CAPTIONS)):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {shown(folder)}: {os_reason(error)}") from error


def _write_report(
    job: Job, folder: Path, subspaces: Subspaces, beside: BesideRandom, facts: dict[str, Any]
) -> None:
    key = jax.random.fold_in(jax.random.key(job.options.seed), _GRID_STREAM)
    grids = [
        exchange_grid(
            job.generator, job.params, masks, layer=subspaces.layer, key=key, num_pairs=_GRID_ROWS
        )
        for masks in (subspaces.masks, beside.random_masks[0])
    ]
    pictures = subspace_pictures(subspaces, beside, *grids)
    for name, picture in pictures.items():
        save_png(folder / f"{name}.png", picture)
    arrays = {
        name: value
        for name, value in beside.effects._asdict().items()
        if isinstance(value, np.ndarray)
    }
    arrays["random_masks"] = np.stack(beside.random_masks)
    arrays["random_effect_maps"] = np.stack([other.effect_maps for other in beside.random])
    save_arrays(folder / _ARRAYS, arrays, {"kind": "effects", "format": 1})
    page = subspace_page(
        subspaces,
        beside,
        pictures,
        grids,
        command=job.command,
        settings={name: value for name, value in facts.items() if name != "command"},
    )
    write_text_atomic(folder / PAGE, page)
