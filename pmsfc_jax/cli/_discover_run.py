"""The work behind ``pmsfc discover``; imports jax, so it is imported when the work begins."""

import dataclasses
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import (
    SplitGenerator,
    Subspaces,
    discover_subspaces,
    load_generator,
    load_perceptual,
    save_subspaces,
    to_uint8,
)
from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.describe import describe_effects, describe_subspaces
from pmsfc_jax.cli.discover import Options
from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.effects.comparison import BesideRandom, beside_random
from pmsfc_jax.effects.exchange import exchange_grid
from pmsfc_jax.effects.subspace_effects import Distance, check_num_pairs
from pmsfc_jax.inversion.feature_distance import feature_distance
from pmsfc_jax.io.arrays import save_arrays
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.images import save_png
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.io.runs import make_folder
from pmsfc_jax.metrics import load_squeezenet, perceptual_distance
from pmsfc_jax.report.subspaces import (
    CAPTIONS,
    diagnostics,
    subspace_page,
    subspace_pictures,
)
from pmsfc_jax.version import __version__

# Streams of the seed's key that discovery itself does not use.
_EFFECTS_STREAM, _GRID_STREAM = 101, 102
_GRID_ROWS = 6
#: Pairs of which the perceptual distance is taken: it costs more than drawing them.
_DISTANCE_PAIRS = 16
# Pixels that go through the tail in a step.
_STEP_PIXELS = 2**18
_PAGE, _NUMBERS, _ARRAYS = "report.html", "diagnostics.json", "effects.npz"


def discover_run(options: Options, argv: Sequence[str]) -> int:
    """Do what `pmsfc discover` says; returns its exit code."""
    # Checked before the work, and before anything is written.
    check_num_pairs(options.num_pairs)
    positive_int(options.num_random, "num_random")
    generator, params = load_generator(options.name, weights_dir=options.weights_dir)
    distance, judge = _distance(options) if options.out and options.report else (None, None)
    with progress_bar("features") as update:
        subspaces = discover_subspaces(
            generator,
            params,
            layer=options.layer,
            num_subspaces=options.num_subspaces,
            key=jax.random.key(options.seed),
            num_samples=options.num_samples,
            method=options.method,
            mu=options.mu,
            relation=options.relation,
            on_progress=lambda done, total: update(done, total, ""),
        )
    print(describe_subspaces(subspaces))
    if options.out is None:
        return 0
    make_folder(options.out)
    _remove_stale(options.out)
    save_subspaces(options.out / "subspaces.npz", subspaces, seed=options.seed)
    beside = None
    if options.report:
        beside = _effects(options, generator, params, subspaces, distance)
        print(describe_effects(beside))
    facts = {
        "command": shlex.join(["pmsfc", "discover", *argv]),
        "generator": generator.spec.name,
        "weights_sha256": generator.spec.identity,
        "seed": options.seed,
        "perceptual_distance": judge,
        "settings": dataclasses.asdict(subspaces.settings),
        "pmsfc_jax": __version__,
        "jax": jax.__version__,
    }
    if beside is not None:
        _write_report(options, generator, params, subspaces, beside, facts)
    numbers = diagnostics(subspaces, beside, facts)
    write_text_atomic(options.out / _NUMBERS, json.dumps(numbers, indent=2) + "\n")
    notice(
        f"written to {options.out}: subspaces.npz, for pmsfc invert --subspaces {options.out}"
        + (f"; {_PAGE}, to look at" if beside else "")
    )
    return 0


def _remove_stale(folder: Path) -> None:
    """Pictures and numbers of subspaces that were here before may not stay beside new ones."""
    try:
        for name in (_PAGE, _NUMBERS, _ARRAYS, *(f"{name}.png" for name in CAPTIONS)):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {shown(folder)}: {os_reason(error)}") from error


def _distance(options: Options) -> tuple[Distance | None, str | None]:
    """The judge where one is given, else the V that is shipped with the generator; and its name."""
    if options.judge is not None:
        weights = load_squeezenet(options.judge)

        def judged(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return np.asarray(perceptual_distance(weights, to_uint8(a), to_uint8(b)))

        return judged, "SqueezeNet v1.0"
    perceptual = load_perceptual(options.name, weights_dir=options.weights_dir)
    if perceptual is None:
        return None, None
    return feature_distance(perceptual), f"mean |V(a) - V(b)|, V = {perceptual.name}"


def _effects(
    options: Options,
    generator: SplitGenerator,
    params: Params,
    subspaces: Subspaces,
    distance: Distance | None,
) -> BesideRandom:
    height, width, _ = generator.spec.image_shape
    with progress_bar("effects") as update:
        return beside_random(
            generator,
            params,
            subspaces.masks,
            layer=subspaces.layer,
            key=jax.random.fold_in(jax.random.key(options.seed), _EFFECTS_STREAM),
            num_random=options.num_random,
            num_pairs=options.num_pairs,
            batch_size=max(1, min(options.num_pairs, 64, _STEP_PIXELS // (height * width))),
            distance=distance,
            num_distance_pairs=_DISTANCE_PAIRS,
            on_progress=lambda done, total: update(done, total, ""),
        )


def _write_report(
    options: Options,
    generator: SplitGenerator,
    params: Params,
    subspaces: Subspaces,
    beside: BesideRandom,
    facts: dict[str, Any],
) -> None:
    assert options.out is not None
    key = jax.random.fold_in(jax.random.key(options.seed), _GRID_STREAM)
    grids = [
        exchange_grid(
            generator, params, masks, layer=subspaces.layer, key=key, num_pairs=_GRID_ROWS
        )
        for masks in (subspaces.masks, beside.random_masks[0])
    ]
    pictures = subspace_pictures(subspaces, beside, *grids)
    for name, picture in pictures.items():
        save_png(options.out / f"{name}.png", picture)
    arrays = {
        name: value
        for name, value in beside.effects._asdict().items()
        if isinstance(value, np.ndarray)
    }
    arrays["random_masks"] = np.stack(beside.random_masks)
    arrays["random_effect_maps"] = np.stack([other.effect_maps for other in beside.random])
    save_arrays(options.out / _ARRAYS, arrays, {"kind": "effects", "format": 1})
    page = subspace_page(
        subspaces,
        beside,
        pictures,
        command=facts["command"],
        settings=json.dumps(facts, indent=2),
    )
    write_text_atomic(options.out / _PAGE, page)
