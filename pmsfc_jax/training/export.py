"""Turn a training run into weights that can be loaded by name."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import load_generator, save_subspaces, subspaces_from_labels
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import shown
from pmsfc_jax.nn import pggan, pggan_discriminator
from pmsfc_jax.training.checkpoints import checkpoint_manager, restore
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.equalised import to_effective
from pmsfc_jax.training.start import TRAINING_GENERATOR
from pmsfc_jax.weights.store.folder import DISCRIMINATOR, GENERATOR, Network, save_weights
from pmsfc_jax.weights.store.manifest import read_manifest
from pmsfc_jax.weights.store.placing import settled


def export(
    run: Path,
    folder: Path,
    config: TrainingConfig,
    *,
    card: dict[str, Any],
    with_state: bool = False,
    overwrite: bool = False,
) -> None:
    """Write the averaged generator and the discriminator of a run's newest checkpoint.

    With ``with_state`` the generator that is not averaged goes with them, in float16 to keep it
    small: with the discriminator it is what a later run needs to train on (Adam's moments start
    anew, as at every growth).

    Where samples were mixed, the subspaces of the last discovery go to ``run/subspaces.npz``, as
    those of the new weights.

    Args:
      run: the folder of the run.
      folder: where the weights go; its last part is their name.
      config: the settings of the run.
      card: notes for the manifest: data, licence, how it was trained.
      with_state: add what training can be carried on from, as ``training_generator``.
      overwrite: replace weights of that name.

    Raises:
      InputError: the run has no checkpoint, or its last stage is not finished growing.
    """
    with checkpoint_manager(run) as manager:
        restored = restore(manager, config)
    if restored is None:
        raise InputError(f"{shown(run)} has no checkpoint yet: train first")
    step, state, place = restored
    side, fading = place["side"], place["fading"]
    if side != config.resolution or fading:
        raise InputError(
            f"{shown(run)} has only grown to {side}x{side}{' and is fading' if fading else ''} "
            f"after {step * config.batch_size} images: train on before exporting"
        )
    architecture = asdict(config.generator(side, False))
    networks = {
        GENERATOR: Network(pggan.FAMILY, architecture, to_effective(state.average)),
        DISCRIMINATOR: Network(
            pggan_discriminator.FAMILY,
            asdict(config.discriminator(side, False)),
            to_effective(state.discriminator),
        ),
    }
    if with_state:
        trained = jax.tree.map(
            lambda leaf: np.asarray(leaf, np.float16), to_effective(state.generator)
        )
        networks[TRAINING_GENERATOR] = Network(pggan.FAMILY, architecture, trained)
    card = {"training": asdict(config), "images_seen": step * config.batch_size} | card
    save_weights(folder, networks, card=card, overwrite=overwrite)
    if config.mixing is not None and "labels" in place:
        generator, _ = load_generator(folder)
        subspaces = subspaces_from_labels(place["labels"], config.mixing.layer, generator)
        save_subspaces(run / "subspaces.npz", subspaces, seed=config.seed)


def is_export_of(
    folder: Path, config: TrainingConfig, *, card: dict[str, Any], with_state: bool
) -> bool:
    """Whether ``folder`` has the finished weights of a run of these settings.

    Arguments are those of `export`.
    """
    try:
        manifest = read_manifest(settled(folder.absolute()))
    except InputError:
        return False
    wanted = json.loads(json.dumps(card))
    trained = json.loads(json.dumps(asdict(config)))
    # A setting that an earlier version did not know had the value it has by default.
    usual = json.loads(json.dumps(asdict(TrainingConfig())))
    return (
        all(manifest.card.get(name) == value for name, value in wanted.items())
        and usual | manifest.card.get("training", {}) == trained
        and manifest.card.get("images_seen", 0) >= config.total_images
        and (TRAINING_GENERATOR in manifest.networks) >= with_state
    )
