"""The public surface: what ``import pmsfc_jax as pm`` offers. Nothing here is new, only joined."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.images import to_float, to_uint8
from pmsfc_jax.core.operator import IDENTITY, Observation, Operator
from pmsfc_jax.core.typing import Params
from pmsfc_jax.effects.comparison import beside_random
from pmsfc_jax.effects.exchange import exchange_grid
from pmsfc_jax.effects.subspace_effects import subspace_effects
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.config import InversionConfig, Objective
from pmsfc_jax.inversion.drawing import Drawing, composed, draw, draw_features
from pmsfc_jax.inversion.export import ExportedStep, export_step
from pmsfc_jax.inversion.invert import Done, invert, invert_batches
from pmsfc_jax.inversion.plan import Batch, plan_batches
from pmsfc_jax.inversion.presets import preset
from pmsfc_jax.inversion.result import InversionResult, Perceptual
from pmsfc_jax.inversion.resume import Resume, Snapshot, Stopped
from pmsfc_jax.inversion.solvers import (
    LBFGS,
    SGD,
    Adam,
    LevenbergMarquardt,
    VariableProjection,
)
from pmsfc_jax.inversion.source import PixelSource, Source, Taken
from pmsfc_jax.inversion.until import Until
from pmsfc_jax.io.arrays import load_arrays, save_arrays
from pmsfc_jax.io.find import find_photographs
from pmsfc_jax.io.images import load_photographs
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.photographs import identify_photographs
from pmsfc_jax.io.source import PhotographSource
from pmsfc_jax.nn.reading import reading_code, reading_feature
from pmsfc_jax.registry import load_generator, load_perceptual_network
from pmsfc_jax.saved import (
    load_codes,
    load_directions,
    load_edited,
    load_parts,
    save_codes,
    save_directions,
    save_edited,
    save_parts,
)
from pmsfc_jax.subspace import (
    ByCoefficients,
    ByCorrelation,
    ByCosine,
    ByEffect,
    Clustering,
    DiscoverySettings,
    ElasticNet,
    Lasso,
    Latents,
    Paper,
    PaperOptions,
    Ridge,
    SelfExpressionResult,
    Subspaces,
    affinity,
    check_subspaces,
    choose_mu,
    discover_subspaces,
    feature_gram,
    paper_expression,
    random_subspaces,
    self_expression,
    spectral_clustering,
    subspaces_from_labels,
)
from pmsfc_jax.subspace.records import FORMAT, record_of, subspaces_from_record
from pmsfc_jax.tasks import degradations
from pmsfc_jax.tasks.edit import directions
from pmsfc_jax.tasks.edit.codes import morph, move
from pmsfc_jax.tasks.edit.edited import Edited, draw_edited, edited
from pmsfc_jax.tasks.edit.features import mix, swap
from pmsfc_jax.tasks.edit.parts.parts import Parts, check_parts, find_parts
from pmsfc_jax.tasks.restoration.blind import estimate_kernels
from pmsfc_jax.tasks.restoration.calibration import Calibration
from pmsfc_jax.tasks.restoration.restore import Restoration, restore
from pmsfc_jax.tasks.restoration.settings import RestoreConfig
from pmsfc_jax.weights.convert import convert_checkpoint

__all__ = [
    "IDENTITY",
    "LBFGS",
    "SGD",
    "Adam",
    "Batch",
    "ByCoefficients",
    "ByCorrelation",
    "ByCosine",
    "ByEffect",
    "Calibration",
    "Clustering",
    "Codes",
    "Cut",
    "DiscoverySettings",
    "Done",
    "Drawing",
    "Edited",
    "ElasticNet",
    "ExportedStep",
    "InputError",
    "InversionConfig",
    "InversionResult",
    "Lasso",
    "Latents",
    "LevenbergMarquardt",
    "Objective",
    "Observation",
    "Operator",
    "Paper",
    "PaperOptions",
    "Parts",
    "Perceptual",
    "Restoration",
    "RestoreConfig",
    "Resume",
    "Ridge",
    "SelfExpressionResult",
    "Snapshot",
    "Source",
    "SplitGenerator",
    "Stopped",
    "Subspaces",
    "Taken",
    "Until",
    "VariableProjection",
    "affinity",
    "beside_random",
    "check_parts",
    "check_subspaces",
    "choose_mu",
    "composed",
    "convert_checkpoint",
    "degradations",
    "directions",
    "discover_subspaces",
    "draw_features",
    "edited",
    "estimate_kernels",
    "exchange_grid",
    "export_step",
    "feature_gram",
    "find_parts",
    "invert",
    "invert_batches",
    "load_codes",
    "load_directions",
    "load_edited",
    "load_generator",
    "load_images",
    "load_parts",
    "load_perceptual",
    "load_subspaces",
    "mix",
    "morph",
    "move",
    "paper_expression",
    "photographs",
    "plan_batches",
    "preset",
    "random_subspaces",
    "reading_code",
    "reading_feature",
    "render",
    "restore",
    "save_codes",
    "save_directions",
    "save_edited",
    "save_parts",
    "save_subspaces",
    "self_expression",
    "spectral_clustering",
    "subspace_effects",
    "subspaces_from_labels",
    "swap",
    "to_uint8",
]

_KIND = "subspaces"


def load_perceptual(
    name_or_path: str | os.PathLike[str],
    *,
    lpips_heads: str | os.PathLike[str] | None = None,
    weights_dir: str | os.PathLike[str] | None = None,
) -> Perceptual | None:
    """Load a network V: a judging network, or the one that is stored beside a generator.

    ``None`` where there is neither.

    Args:
      name_or_path: weights by name or folder.
      lpips_heads: LPIPS' heads, by name or folder, where ``name_or_path`` is VGG16: V is then LPIPS
        and goes with ``perceptual_norm="l2"``.
      weights_dir: searched first for a name.

    Raises:
      InputError: no such weights, they are damaged, or do not fit each other.

    """
    found = load_perceptual_network(name_or_path, lpips_heads=lpips_heads, weights_dir=weights_dir)
    return None if found is None else Perceptual(*found)


def load_images(
    paths: str | os.PathLike[str] | list[str | os.PathLike[str]], generator: SplitGenerator
) -> np.ndarray:
    """Read photographs (files or folders) as targets ``[n, H, W, 3]`` float32 in [-1, 1].

    They are cropped around their centre and resized to what the generator draws.

    Raises:
      InputError: one of them cannot be read, or there are none.

    """
    height, width, _ = generator.spec.image_shape
    photographs, skipped = load_photographs(find_photographs(paths), (height, width))
    if skipped:
        raise InputError(f"{shown(skipped[0].path)}: {skipped[0].reason}")
    return to_float(np.stack([photograph.pixels for photograph in photographs]))


def photographs(
    paths: str | os.PathLike[str] | list[str | os.PathLike[str]],
    generator: SplitGenerator,
    *,
    on_bad: Callable[[str, str], None] = lambda path, reason: None,
) -> PixelSource:
    """Photographs (files or folders) that are decoded when `invert` comes to them, and not held.

    They are cropped around their centre and resized to what the generator draws.

    Args:
      paths: files, or folders of them.
      generator: whose pictures they are to be.
      on_bad: told the file and the reason, of each that cannot be used; it is left out.

    Raises:
      InputError: there are none, or a path does not exist.

    """
    height, width, _ = generator.spec.image_shape
    files, skipped = identify_photographs(find_photographs(paths))
    for skip in skipped:
        on_bad(str(skip.path), skip.reason)
    if not files:
        raise InputError("none of the photographs can be read")
    source = PhotographSource(
        files, (height, width), on_bad=lambda row, reason: on_bad(str(files[row].path), reason)
    )
    return PixelSource(source)


def render(
    generator: SplitGenerator,
    params: Params,
    source: InversionResult | Drawing | Edited | str | os.PathLike[str],
) -> np.ndarray:
    """Draw images again from their codes, or from features that were edited.

    On the same machine and versions this gives the bits of ``result.reconstruction``.

    Args:
      generator: the one the codes were found with.
      params: its weights.
      source: a result of `invert`, a drawing, edited features, a file of codes, or the folder of a
        run.

    Returns:
      ``[n, H, W, 3]`` float32, nominally in [-1, 1].

    Raises:
      InputError: the file is damaged or the codes belong to other weights.

    """
    if isinstance(source, Edited):
        return draw_edited(generator, params, source)
    if isinstance(source, InversionResult):
        source = source.drawing
    drawing = source if isinstance(source, Drawing) else load_codes(source)
    return draw(generator, params, drawing)


def save_subspaces(path: str | os.PathLike[str], subspaces: Subspaces, *, seed: int) -> None:
    """Write subspaces to an ``.npz`` file, with whose they are and how they were found.

    Raises:
      InputError: the file cannot be written.

    """
    arrays, facts = record_of(subspaces)
    save_arrays(path, arrays, facts | {"kind": _KIND, "seed": seed})


def load_subspaces(path: str | os.PathLike[str]) -> Subspaces:
    """Read what `save_subspaces` wrote, or the ``subspaces.npz`` of a folder.

    Raises:
      InputError: the file is absent, damaged, or holds something else.

    """
    path = Path(path)
    path = path / "subspaces.npz" if path.is_dir() else path
    arrays, facts = load_arrays(path, kind=_KIND, newest=FORMAT)
    try:
        return subspaces_from_record(arrays, facts)
    except InputError as error:
        raise InputError(f"{shown(path)} is damaged: {error}") from error
