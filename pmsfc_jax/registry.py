"""From the name of a family to its networks, and from the name of weights to a generator."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import GeneratorSpec, SplitGenerator
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.metrics.lpips import feature_maps, lpips_params
from pmsfc_jax.nn import (
    biggan,
    dcgan,
    lpips_heads,
    pggan,
    pggan_discriminator,
    squeezenet,
    stylegan2,
    vgg16,
)
from pmsfc_jax.nn.config import config_from
from pmsfc_jax.weights.layouts.layout import LPIPS, PERCEPTUAL
from pmsfc_jax.weights.store.folder import DISCRIMINATOR, GENERATOR, load_weights
from pmsfc_jax.weights.store.manifest import Manifest, read_manifest
from pmsfc_jax.weights.store.placing import settled
from pmsfc_jax.weights.store.search import find_weights

#: ``(params, x [b, H, W, 3] in [-1, 1]) -> feature maps``.
FeatureFunction = Callable[[Params, Array], list[Array]]


class Family(NamedTuple):
    """How to build the networks of one kind.

    Attributes:
      name: in manifests.
      config_from_dict: reads a manifest's architecture; raises `InputError` if it is impossible.
      abstract_params: nested dict of the shapes that a configuration's params have.
      split_generator: ``(config, name) -> SplitGenerator``, for generators.
      features: ``config -> FeatureFunction``, for networks that judge images.
      settings: fields of a generator's configuration that no array hangs on, so that they can be
        chosen whenever it is loaded.

    """

    name: str
    config_from_dict: Callable[[dict[str, Any]], Any]
    abstract_params: Callable[[Any], Params]
    split_generator: Callable[[Any, str], SplitGenerator] | None = None
    features: Callable[[Any], FeatureFunction] | None = None
    settings: tuple[str, ...] = ()


class PerceptualNetwork(NamedTuple):
    """A network that judges images: its features, its weights, and what a run's record calls it.

    ``norm`` is the one that its distance is defined with, where there is one; ``identity`` is the
    hash of its arrays and of which maps it gives.
    """

    extract: FeatureFunction
    params: Params
    name: str
    norm: Literal["l1", "l2"] | None = None
    identity: str = ""


def _discriminator_config(architecture: dict[str, Any]) -> pggan_discriminator.DiscriminatorConfig:
    kind = pggan_discriminator.DiscriminatorConfig
    return config_from(kind, architecture, "discriminator architecture")


def _discriminator_features(config: pggan_discriminator.DiscriminatorConfig) -> FeatureFunction:
    module = pggan_discriminator.pure_module(config)

    def features(params: Params, x: Array) -> list[Array]:
        return module.bind(params).features(x)

    return features


#: Every family, by name. A new one is a module in ``nn/`` and an entry here.
FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            name=pggan.FAMILY,
            config_from_dict=pggan.config_from_dict,
            abstract_params=lambda config: pggan.pure_module(config).abstract_params,
            split_generator=pggan.split_generator,
        ),
        Family(
            name=dcgan.FAMILY,
            config_from_dict=dcgan.config_from_dict,
            abstract_params=lambda config: dcgan.pure_module(config).abstract_params,
            split_generator=dcgan.split_generator,
        ),
        Family(
            name=stylegan2.FAMILY,
            config_from_dict=stylegan2.config_from_dict,
            abstract_params=lambda config: stylegan2.pure_module(config).abstract_params,
            split_generator=stylegan2.split_generator,
            settings=("latent_space", "truncation", "truncated_styles", "label"),
        ),
        Family(
            name=biggan.FAMILY,
            config_from_dict=biggan.config_from_dict,
            abstract_params=lambda config: biggan.pure_module(config).abstract_params,
            split_generator=biggan.split_generator,
            settings=("label", "optimise_class"),
        ),
        Family(
            name=pggan_discriminator.FAMILY,
            config_from_dict=_discriminator_config,
            abstract_params=lambda config: pggan_discriminator.pure_module(config).abstract_params,
            features=_discriminator_features,
        ),
        Family(
            name=vgg16.FAMILY,
            config_from_dict=vgg16.config_from_dict,
            abstract_params=vgg16.abstract_params,
            features=vgg16.features,
        ),
        Family(
            name=squeezenet.FAMILY,
            config_from_dict=squeezenet.config_from_dict,
            abstract_params=squeezenet.abstract_params,
            features=squeezenet.features,
        ),
        Family(
            name=lpips_heads.FAMILY,
            config_from_dict=lpips_heads.config_from_dict,
            abstract_params=lpips_heads.abstract_params,
        ),
    )
}


def load_generator(
    name_or_path: str | os.PathLike[str],
    *,
    weights_dir: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> tuple[SplitGenerator, Params]:
    """Load converted weights as a generator.

    Args:
      name_or_path: name of converted weights, or their folder.
      weights_dir: searched first for a name, before PMSFC_WEIGHTS, ``./ported_weights`` and what
        comes with the package.
      settings: fields of its configuration to choose anew, such as ``{"latent_space": "z"}`` for
        a StyleGAN2; see `Family.settings`.

    Returns:
      The generator, its ``spec.identity`` being the hash of its architecture and arrays, with what
      was chosen anew, and its params on jax's default device.

    Raises:
      InputError: there are no such weights, they are damaged, they are not a generator of a known
        family, or it has no such settings.

    """
    folder = find_weights(name_or_path, weights_dir)
    family, config, manifest, params = _load(folder, GENERATOR)
    if family.split_generator is None:
        raise InputError(f"{folder}: family {family.name} is not one of generators")
    identity = manifest.network_hash(GENERATOR)
    if settings:
        chosen = _chosen_anew(family, config, settings)
        if chosen != config:
            # Codes that were found with other settings mean something else.
            identity = hashlib.sha256(f"{identity} {chosen}".encode()).hexdigest()
        config = chosen
    generator = family.split_generator(config, manifest.name)
    return generator.with_identity(identity), params


def describe_generator(manifest: Manifest) -> GeneratorSpec:
    """The facts of a stored generator, without reading its weights.

    Raises:
      InputError: it is of no known family, or its architecture is impossible.

    """
    facts = manifest.network(GENERATOR)
    family = FAMILIES.get(facts.family)
    if family is None or family.split_generator is None:
        raise InputError(f"family {facts.family!r} is not one of generators here")
    config = family.config_from_dict(facts.architecture)
    return family.split_generator(config, manifest.name).spec


def _chosen_anew(family: Family, config: Any, settings: Mapping[str, Any]) -> Any:
    unknown = [name for name in settings if name not in family.settings]
    if unknown:
        can = ", ".join(family.settings) or "nothing"
        raise InputError(
            f"{', '.join(unknown)} of a generator of family {family.name} cannot be chosen when it "
            f"is loaded; {can} can"
        )
    try:
        return replace(config, **settings)
    except TypeError as error:
        raise InputError(f"settings {dict(settings)} are impossible: {error}") from error


def load_perceptual_network(
    name_or_path: str | os.PathLike[str],
    *,
    lpips_heads: str | os.PathLike[str] | None = None,
    weights_dir: str | os.PathLike[str] | None = None,
) -> PerceptualNetwork | None:
    """Load a network that judges images: a judging network's own weights, or a generator's.

    Args:
      name_or_path: converted weights of a judging network such as VGG16, or of a generator, whose
        discriminator it then is.
      lpips_heads: converted weights of LPIPS' heads for VGG16, which make it LPIPS: its squared
        distance, ``norm`` being ``"l2"``.
      weights_dir: as `load_generator`.

    Returns:
      The network; ``None`` for a generator without a discriminator.

    Raises:
      InputError: there are no such weights, or they are damaged.

    """
    if lpips_heads is not None:
        params = load_lpips(name_or_path, lpips_heads, weights_dir=weights_dir)
        network, heads = (
            read_manifest(settled(find_weights(name, weights_dir)))
            for name in (name_or_path, lpips_heads)
        )
        identity = network.network_hash(PERCEPTUAL) + heads.network_hash(LPIPS)
        return PerceptualNetwork(feature_maps, params, f"{heads.name}/{LPIPS}", "l2", identity)
    folder = find_weights(name_or_path, weights_dir)
    there = read_manifest(settled(folder)).networks
    role = PERCEPTUAL if PERCEPTUAL in there else DISCRIMINATOR
    if role not in there:
        if GENERATOR in there:
            return None
        raise InputError(f"{folder} holds no network that judges images, only {', '.join(there)}")
    family, config, manifest, params = _load(folder, role)
    if family.features is None:
        raise InputError(f"{folder}: family {family.name} does not judge images")
    extract, identity = _features(family, config), manifest.network_hash(role)
    return PerceptualNetwork(extract, params, f"{manifest.name}/{role}", identity=identity)


@lru_cache
def _features(family: Family, config: Any) -> FeatureFunction:
    """The same function for the same network: programs are compiled for it once."""
    assert family.features is not None
    return family.features(config)


def load_lpips(
    network: str | os.PathLike[str],
    heads: str | os.PathLike[str],
    *,
    weights_dir: str | os.PathLike[str] | None = None,
) -> Params:
    """Load what `pmsfc_jax.metrics.lpips.lpips_distance` takes: VGG16 and LPIPS' heads for it.

    Args:
      network: converted weights of VGG16, by name or folder.
      heads: converted weights of LPIPS' heads, by name or folder.
      weights_dir: as `load_generator`.

    Raises:
      InputError: there are no such weights, they are damaged, or do not fit each other.

    """
    family, _, _, vgg = _load(find_weights(network, weights_dir), PERCEPTUAL)
    if family.name != vgg16.FAMILY:
        raise InputError(f"{network} is of family {family.name}; LPIPS' heads here are for vgg16")
    return lpips_params(vgg, _load(find_weights(heads, weights_dir), LPIPS)[3])


def _load(folder: Path, role: str) -> tuple[Family, Any, Manifest, Params]:
    manifest, params = load_weights(folder, role)
    facts = manifest.network(role)
    family = FAMILIES.get(facts.family)
    if family is None:
        raise InputError(
            f"{folder}: its {role} is of family {facts.family!r}, and this version of pmsfc_jax "
            f"knows {', '.join(FAMILIES)}"
        )
    try:
        config = family.config_from_dict(facts.architecture)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{folder}: the architecture of its {role} is impossible: {error}"
        ) from error
    faults = _misfits(family.abstract_params(config), params)
    if faults:
        raise InputError(
            f"{folder}: the arrays of its {role} do not fit its architecture: {'; '.join(faults)}"
        )
    return family, config, manifest, params


def _misfits(abstract: Params, params: Params) -> list[str]:
    """All differences between the arrays a network needs and those there are."""
    needed, given = _by_path(abstract), _by_path(params)
    faults = [f"{path} is missing" for path in needed if path not in given]
    faults += [f"{path} is extra" for path in given if path not in needed]
    for path, leaf in needed.items():
        if path in given and given[path].shape != leaf.shape:
            faults.append(f"{path} is {given[path].shape} and not {leaf.shape}")
        elif path in given and given[path].dtype.kind != leaf.dtype.kind:
            faults.append(f"{path} holds {given[path].dtype}")
    return faults


def _by_path(params: Params) -> Mapping[str, Any]:
    return {
        "/".join(str(key.key) for key in path): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    }
