"""Begin a run with networks that were trained before, instead of random ones."""

import os
from dataclasses import asdict
from typing import Any, NamedTuple

import jax
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.nn import pggan, pggan_discriminator
from pmsfc_jax.nn.functional import PureModule
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.equalised import to_raw
from pmsfc_jax.weights.store.folder import DISCRIMINATOR, GENERATOR, load_weights
from pmsfc_jax.weights.store.manifest import read_manifest
from pmsfc_jax.weights.store.placing import settled
from pmsfc_jax.weights.store.search import find_weights

#: Role in a folder of weights of the generator as it was trained, beside its average.
TRAINING_GENERATOR = "training_generator"


class StartingPoint(NamedTuple):
    """Networks to begin with; kernels are those of `pmsfc_jax.training.equalised` (raw).

    Attributes:
      name: of the weights they came from.
      hash: of the architectures and arrays of all of their networks.
      generator: to be trained on: the one stored for that, or the average where there is none.
      discriminator: its opponent.
      average: the averaged generator.

    """

    name: str
    hash: str
    generator: Params
    discriminator: Params
    average: Params


def sizes_of_start(
    name_or_path: str | os.PathLike[str], *, weights_dir: str | os.PathLike[str] | None = None
) -> dict[str, Any]:
    """The sizes that a run has to have to begin with stored weights, as settings of it.

    Args:
      name_or_path: name or folder of weights.
      weights_dir: searched first for a name.

    Returns:
      ``resolution``, ``widths``, ``discriminator_widths`` and ``latent_dim``.

    Raises:
      InputError: there are no such weights, or none that are trained here.

    """
    manifest = read_manifest(settled(find_weights(name_or_path, weights_dir)))
    generator = manifest.network(GENERATOR)
    if generator.family != pggan.FAMILY:
        raise InputError(
            f"the generator of {manifest.name} is of family {generator.family}; only "
            f"{pggan.FAMILY} is trained here"
        )
    # Two convolutions of one width at each resolution.
    widths = tuple(int(width) for width in generator.architecture["widths"][::2])
    sizes = {
        "resolution": 4 * 2 ** (len(widths) - 1),
        "widths": widths,
        "latent_dim": int(generator.architecture["latent_dim"]),
    }
    if DISCRIMINATOR in manifest.networks:
        judge = tuple(manifest.network(DISCRIMINATOR).architecture.get("widths", widths))
        sizes["discriminator_widths"] = None if judge == widths else judge
    return sizes


def load_start(
    name_or_path: str | os.PathLike[str],
    config: TrainingConfig,
    *,
    weights_dir: str | os.PathLike[str] | None = None,
) -> StartingPoint:
    """Load stored weights to train on from.

    Args:
      name_or_path: name or folder of weights with a generator and a discriminator.
      config: the settings of the run that is to begin with them.
      weights_dir: searched first for a name.

    Raises:
      InputError: there are no such weights, they lack a network, the run would not begin at its
        last resolution, or its networks are others.

    """
    if config.start_resolution != config.resolution:
        raise InputError(
            f"weights that are fully grown are trained on at their own resolution: set "
            f"start_resolution to {config.resolution}, the resolution, and not to "
            f"{config.start_resolution}"
        )
    folder = settled(find_weights(name_or_path, weights_dir))
    manifest = read_manifest(folder)
    side = config.resolution
    generator = pggan.pure_module(config.generator(side, False))
    discriminator = pggan_discriminator.pure_module(config.discriminator(side, False))
    wanted = {
        GENERATOR: (pggan.FAMILY, asdict(config.generator(side, False)), generator),
        DISCRIMINATOR: (
            pggan_discriminator.FAMILY,
            asdict(config.discriminator(side, False)),
            discriminator,
        ),
    }
    if TRAINING_GENERATOR in manifest.networks:
        wanted[TRAINING_GENERATOR] = wanted[GENERATOR]
    if DISCRIMINATOR not in manifest.networks:
        raise InputError(
            f"{manifest.name} holds no discriminator; a fresh one would ruin its generator before "
            "it has learned to judge, so train from weights that `pmsfc train` wrote"
        )
    networks = {}
    for role, (family, architecture, module) in wanted.items():
        facts = manifest.network(role)
        where = f"the {role.replace('_', ' ')} of {manifest.name}"
        if facts.family != family:
            raise InputError(f"{where} is of family {facts.family}; only {family} is trained here")
        _check_architecture(where, facts.architecture, architecture)
        networks[role] = to_raw(_fitting(where, load_weights(folder, role)[1], module))
    average = networks[GENERATOR]
    return StartingPoint(
        manifest.name,
        manifest.manifest_hash,
        networks.get(TRAINING_GENERATOR, average),
        networks[DISCRIMINATOR],
        average,
    )


def _check_architecture(where: str, there: dict[str, Any], wanted: dict[str, Any]) -> None:
    def plain(value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else value

    differences = [
        f"{name} {plain(there.get(name))} and not {plain(value)}"
        for name, value in wanted.items()
        if plain(there.get(name)) != plain(value)
    ]
    if differences:
        raise InputError(
            f"{where} is not the network of these settings: it has {'; '.join(differences)}; "
            "give the settings (widths, latent_dim, ...) that it was trained with"
        )


def _fitting(where: str, params: Params, module: PureModule) -> Params:
    """``params`` as float32 numpy arrays, checked against the shapes that ``module`` needs."""
    if _shapes(params) != _shapes(module.abstract_params):
        raise InputError(f"the arrays of {where} do not fit its architecture: convert it again")
    # On the host: a step gives away the device buffers of its state.
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), params)


def _shapes(params: Params) -> dict[str, tuple[int, ...]]:
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {jax.tree_util.keystr(path): leaf.shape for path, leaf in leaves}
