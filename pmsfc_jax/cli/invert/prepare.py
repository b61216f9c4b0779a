"""What ``pmsfc invert`` works with: settings, V, photographs and the partition."""

import dataclasses
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import (
    InversionConfig,
    Perceptual,
    SplitGenerator,
    Subspaces,
    discover_subspaces,
    load_perceptual,
    load_subspaces,
    random_subspaces,
    save_subspaces,
)
from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.describe import describe_subspaces
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.invert.options import Options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import default_layer
from pmsfc_jax.core.typing import Params
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.presets import preset
from pmsfc_jax.io.find import find_photographs
from pmsfc_jax.io.images import Photograph, Skipped, load_photograph
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.photographs import PhotographFile, identify_photographs
from pmsfc_jax.io.refusals import PhotographError
from pmsfc_jax.io.runs import RunFolder, pixels_sha256

#: Options that set a field of `InversionConfig` of another name.
_RENAMED = {
    "codes": "codes_per_subspace",
    "steps": "num_steps",
    "candidates": "num_candidates",
    "method": "composition",
}
#: Names that `preset` takes and an option has.
_SETTINGS = frozenset(
    {"composition", "layer", "codes_per_subspace", "num_steps", "optimiser", "learning_rate"}
    | {"weight_learning_rate", "history", "inner_steps", "damping", "num_candidates"}
    | {"pixel_weight", "pixel_norm", "coarse_weight", "base_weight", "perceptual_weight"}
    | {"perceptual_norm", "latent_weight", "precision", "batch_size"}
)


def load_v(options: Options) -> Perceptual | None:
    """The network V, where there is one and its weight is not 0.

    Raises:
      InputError: one was asked for and there is none.

    """
    if options.lpips_heads and not options.perceptual:
        raise InputError("give --perceptual with --lpips-heads: the VGG16 that they belong to")
    if not options.perceptual_weight and not options.perceptual:
        return None
    source = options.perceptual or options.generator
    perceptual = load_perceptual(
        source, lpips_heads=options.lpips_heads, weights_dir=options.weights_dir
    )
    if perceptual is None:
        raise InputError(
            f"{source} has no perceptual network: leave --perceptual-weight out, or name one with "
            "--perceptual"
        )
    return perceptual


def config_of(
    options: Options,
    generator: SplitGenerator,
    given: Subspaces | None,
    perceptual: Perceptual | None,
) -> InversionConfig:
    """The settings: what is given goes before the preset, and that before the defaults.

    Raises:
      InputError: they are impossible.

    """
    explicit = {
        _RENAMED.get(name, name): value
        for name, value in vars(options).items()
        if value is not None and _RENAMED.get(name, name) in _SETTINGS
    }
    if perceptual is not None and perceptual.norm is not None:
        explicit = {"perceptual_norm": perceptual.norm} | explicit
    if explicit.get("layer") is None:
        explicit["layer"] = default_layer(generator.spec) if given is None else given.layer
    if options.perceptual and options.perceptual_weight is None:
        raise InputError(
            f"give --perceptual-weight with --perceptual {options.perceptual}: networks differ in "
            "the scale of their features, and the usual weight is 0"
        )
    return preset(options.preset, **explicit)


def load_all(
    options: Options, generator: SplitGenerator, events: Events
) -> tuple[list[PhotographFile], list[Photograph], int]:
    """All photographs that can be read, their files, and how many could not.

    Raises:
      InputError: there are none.

    """
    height, width, _ = generator.spec.image_shape
    known, skipped = identify_photographs(find_photographs(options.photos))
    files, photographs = [], []
    for file in known:
        try:
            photograph = load_photograph(file.path, (height, width))
        except PhotographError as error:
            skipped.append(Skipped(error.path, error.reason))
        else:
            files.append(file)
            photographs.append(photograph._replace(name=file.name))
    for skip in skipped:
        notice(f"left out {shown(skip.path)}: {skip.reason}")
        events.tell("left_out", photograph=shown(skip.path), reason=skip.reason)
    for photograph in photographs:
        for told in photograph.notices:
            notice(f"{photograph.name}: {told.text}")
    if not photographs:
        raise InputError("none of the photographs could be read")
    return files, photographs, len(skipped)


def settings_record(
    options: Options,
    generator: SplitGenerator,
    config: InversionConfig,
    given: Subspaces | None,
    perceptual: Perceptual | None,
) -> dict[str, Any]:
    """What decides the outcome, as it stands in config.json."""
    settings: dict[str, Any] = {
        "generator": options.generator,
        "weights_sha256": generator.spec.identity,
        "inversion": dataclasses.asdict(config),
        "perceptual": _v_record(config, perceptual),
        "seed": options.seed,
    }
    if composition_of(config.composition).by_subspace:
        settings["partition"] = options.partition
        settings["num_subspaces"] = given.num_subspaces if given else options.num_subspaces
        settings["subspaces_sha256"] = (
            None if given is None else pixels_sha256(np.asarray(given.labels, np.int32))
        )
    return settings


def _v_record(config: InversionConfig, perceptual: Perceptual | None) -> dict[str, str] | None:
    if perceptual is None or not config.objective.perceptual_weight:
        return None
    return {"name": perceptual.name, "sha256": perceptual.identity}


def partition_for(
    options: Options,
    generator: SplitGenerator,
    params: Params,
    config: InversionConfig,
    given: Subspaces | None,
    run: RunFolder,
) -> Subspaces | None:
    """The partition to compose in, kept in the run's folder as it is used."""
    path = run.path / "subspaces.npz"
    if not composition_of(config.composition).by_subspace:
        return None
    if path.exists():
        return load_subspaces(path)
    subspaces = given
    if subspaces is None:
        assert config.layer is not None
        with progress_bar("subspaces") as update:
            subspaces = discover_subspaces(
                generator,
                params,
                layer=config.layer,
                num_subspaces=options.num_subspaces,
                key=jax.random.key(options.seed),
                on_progress=lambda done, total: update(done, total, ""),
            )
        notice(describe_subspaces(subspaces))
    if options.partition == "random":
        subspaces = random_subspaces(subspaces, jax.random.key(options.seed))
    save_subspaces(path, subspaces, seed=options.seed)
    return subspaces
