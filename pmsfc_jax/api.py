"""The public surface: what ``import pmsfc_jax as pm`` offers. Nothing here is new, only joined."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.images import to_float, to_uint8
from pmsfc_jax.core.masks import check_masks, masks_from_labels, random_partition
from pmsfc_jax.core.typing import Key, Params
from pmsfc_jax.effects.comparison import beside_random
from pmsfc_jax.effects.exchange import exchange_grid
from pmsfc_jax.effects.subspace_effects import subspace_effects
from pmsfc_jax.inversion.batch import (
    Batch,
    InversionResult,
    Perceptual,
    invert,
    invert_batches,
    plan_batches,
    render_codes,
)
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.presets import preset
from pmsfc_jax.inversion.resume import Resume, Snapshot, Stopped
from pmsfc_jax.io.arrays import load_arrays, save_arrays
from pmsfc_jax.io.codes import SavedCodes, load_codes
from pmsfc_jax.io.find import find_photographs
from pmsfc_jax.io.images import load_photographs
from pmsfc_jax.io.paths import shown
from pmsfc_jax.registry import load_generator, load_perceptual_network
from pmsfc_jax.subspace import (
    DiscoverySettings,
    PaperOptions,
    SelfExpressionResult,
    Subspaces,
    affinity,
    choose_mu,
    discover_subspaces,
    feature_gram,
    paper_expression,
    self_expression,
    spectral_clustering,
)
from pmsfc_jax.weights.convert import convert_checkpoint

__all__ = [
    "Batch",
    "InputError",
    "InversionConfig",
    "InversionResult",
    "PaperOptions",
    "Perceptual",
    "Resume",
    "SelfExpressionResult",
    "Snapshot",
    "SplitGenerator",
    "Stopped",
    "Subspaces",
    "affinity",
    "beside_random",
    "choose_mu",
    "convert_checkpoint",
    "discover_subspaces",
    "exchange_grid",
    "feature_gram",
    "invert",
    "invert_batches",
    "load_generator",
    "load_images",
    "load_perceptual",
    "load_subspaces",
    "paper_expression",
    "plan_batches",
    "preset",
    "random_subspaces",
    "render",
    "save_subspaces",
    "self_expression",
    "spectral_clustering",
    "subspace_effects",
    "to_uint8",
]

_KIND, _FORMAT = "subspaces", 1


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


def render(
    generator: SplitGenerator,
    params: Params,
    source: InversionResult | SavedCodes | str | os.PathLike[str],
) -> np.ndarray:
    """Draw images again from their codes.

    On the same machine and versions this gives the bits of ``result.reconstruction``.

    Args:
      generator: the one the codes were found with.
      params: its weights.
      source: a result of `invert`, or the ``.npz`` file of one image.

    Returns:
      ``[n, H, W, 3]`` float32, nominally in [-1, 1].

    Raises:
      InputError: the file is damaged or its codes belong to other weights.

    """
    if isinstance(source, InversionResult):
        z, w, found = source.codes, source.weights, source._asdict()
    else:
        saved = source if isinstance(source, SavedCodes) else load_codes(source)
        check_codes(generator, saved)
        z, w, found = saved.z[None], saved.w[None], saved._asdict()
    setting = {name: found[name] for name in ("layer", "method", "precision")}
    return render_codes(generator, params, z, w, found["masks"], **setting)


def check_codes(generator: SplitGenerator, codes: SavedCodes) -> None:
    """Check that ``codes`` were found with this generator.

    Raises:
      InputError: they were found with other weights, or cannot belong to it.

    """
    spec = generator.spec
    if codes.identity and spec.identity and codes.identity != spec.identity:
        raise InputError(
            f"these codes were found with {codes.generator} (weights {codes.identity[:12]}), "
            f"not with {spec.name} (weights {spec.identity[:12]})"
        )
    channels = spec.feature_shape(codes.layer)[-1]
    if codes.z.shape[2:] != spec.latent.shape or codes.w.shape[2] != channels:
        raise InputError(
            f"these codes have {codes.z.shape[2]} numbers each and weights for {codes.w.shape[2]} "
            f"channels; {spec.name} takes {spec.latent.shape[0]} and has {channels} at layer "
            f"{codes.layer}"
        )


def random_subspaces(subspaces: Subspaces, key: Key) -> Subspaces:
    """The same subspaces with their channels dealt at random: the control of every comparison."""
    labels = random_partition(key, subspaces.labels)
    masks = masks_from_labels(labels, subspaces.num_subspaces)
    return dataclasses.replace(subspaces, labels=labels, masks=masks)


def save_subspaces(path: str | os.PathLike[str], subspaces: Subspaces, *, seed: int) -> None:
    """Write subspaces to an ``.npz`` file, with how they were found.

    Raises:
      InputError: the file cannot be written.

    """
    names = ("labels", "masks", "eigenvalues", "coefficients", "isolated")
    facts = {
        "kind": _KIND,
        "format": _FORMAT,
        "layer": subspaces.layer,
        "residual": float(subspaces.residual),
        "held_out_residual": float(subspaces.held_out_residual),
        "advice": subspaces.advice,
        "image_error": None if subspaces.image_error is None else float(subspaces.image_error),
        "settings": dataclasses.asdict(subspaces.settings),
        "seed": seed,
    }
    save_arrays(path, {name: np.asarray(getattr(subspaces, name)) for name in names}, facts)


def load_subspaces(path: str | os.PathLike[str]) -> Subspaces:
    """Read what `save_subspaces` wrote, or the ``subspaces.npz`` of a folder.

    Raises:
      InputError: the file is absent, damaged, or holds something else.

    """
    path = Path(path)
    path = path / "subspaces.npz" if path.is_dir() else path
    arrays, facts = load_arrays(path, kind=_KIND, newest=_FORMAT)
    try:
        masks = check_masks(arrays["masks"])
        settings = DiscoverySettings(**facts["settings"])
        values: dict[str, Any] = {name: jnp.asarray(array) for name, array in arrays.items()}
        return Subspaces(
            layer=int(facts["layer"]),
            residual=facts["residual"],
            held_out_residual=facts["held_out_residual"],
            settings=settings,
            advice=facts.get("advice", ""),
            image_error=facts.get("image_error"),
            **(values | {"masks": masks}),
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"{shown(path)} is damaged: it lacks a part of the subspaces") from error
