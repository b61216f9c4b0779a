"""From the options of ``pmsfc invert`` to the settings of an inversion, and what is recorded."""

import dataclasses
from typing import Any

from pmsfc_jax.api import (
    InversionConfig,
    Perceptual,
    SplitGenerator,
    Subspaces,
    load_perceptual,
    preset,
)
from pmsfc_jax.cli.generators import RECORDED, chosen_settings
from pmsfc_jax.cli.invert.options import Method, Objective, Options, Solver
from pmsfc_jax.cli.parsing import flat
from pmsfc_jax.cli.partition import labels_sha256
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import default_layer
from pmsfc_jax.inversion.compositions import composition_of

#: Options that set what `preset` has under another name.
RENAMED = {
    "codes": "codes_per_subspace",
    "steps": "num_steps",
    "candidates": "num_candidates",
    "method": "composition",
}
#: Options of the groups of settings that are none themselves.
_OTHERS = {"preset", "num_subspaces", "subspaces", "partition", "perceptual", "lpips_heads"}
#: Python's names in messages, and the options that they are.
OPTION_NAMES = {
    name: f"--{option.replace('_', '-')}"
    for kind in (Method, Objective, Solver)
    for option in (field.name for field in dataclasses.fields(kind))
    for name in (RENAMED.get(option, option),)
    if "_" in name
} | {
    "batch_size": "--batch-size",
    "history": "--history",
    "damping": "--damping",
    "config.layer": "--layer",
    "subspaces=": "--subspaces",
    "perceptual=": "--perceptual",
}
#: The same where a message lists the settings of a run that differ.
RECORD_NAMES = OPTION_NAMES | {
    "composition": "--method",
    "num_subspaces": "--num-subspaces",
    "weights_sha256": "the weights of --generator",
    "subspaces_sha256": "--subspaces",
    "start_from_sha256": "--start-from",
    RECORDED: "--generator-set",
    "solver.name": "--optimiser",
    "perceptual.name": "--perceptual",
    "perceptual.sha256": "the weights of --perceptual",
    **{name: f"--{name}" for name in ("generator", "perceptual", "crop", "seed", "partition")},
    **{name: f"--{name}" for name in ("layer", "precision")},
}


def load_v(options: Options) -> Perceptual | None:
    """The network V, where there is one and its weight is not 0.

    Raises:
      InputError: one was asked for and there is none, or it has no weight.

    """
    asked = options.objective
    if asked.lpips_heads and not asked.perceptual:
        raise InputError("give --perceptual with --lpips-heads: the VGG16 that they belong to")
    if asked.perceptual and asked.perceptual_weight is None:
        raise InputError(
            f"give --perceptual-weight with --perceptual {asked.perceptual}: networks differ in "
            "the scale of their features, and the usual weight is 0"
        )
    if not asked.perceptual_weight and not asked.perceptual:
        return None
    source = asked.perceptual or options.what.generator
    perceptual = load_perceptual(
        source, lpips_heads=asked.lpips_heads, weights_dir=options.what.weights_dir
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
    settings: dict[str, Any] = {}
    for group in (options.method, options.objective, options.solver):
        settings |= {RENAMED.get(k, k): v for k, v in flat(group).items() if k not in _OTHERS}
    explicit = {name: value for name, value in settings.items() if value is not None}
    if perceptual is not None and perceptual.norm is not None:
        explicit.setdefault("perceptual_norm", perceptual.norm)
    if "layer" not in explicit:
        explicit["layer"] = default_layer(generator.spec) if given is None else given.layer
    size = options.run.batch_size
    return preset(
        options.method.preset,
        precision=options.run.precision,
        batch_size=InversionConfig.batch_size if size == "auto" else size,
        **explicit,
    )


def settings_record(
    options: Options,
    generator: SplitGenerator,
    config: InversionConfig,
    given: Subspaces | None,
    perceptual: Perceptual | None,
) -> dict[str, Any]:
    """What decides the outcome, as it stands in config.json."""
    settings: dict[str, Any] = {
        "generator": options.what.generator,
        "weights_sha256": generator.spec.identity,
        "inversion": _inversion_record(config),
        "perceptual": _v_record(config, perceptual),
        "crop": options.what.crop,
        "seed": options.what.seed,
    }
    if options.what.generator_set:
        settings[RECORDED] = chosen_settings(options.what.generator_set)
    if composition_of(config.composition).by_subspace:
        asked = options.method
        settings["partition"] = asked.partition
        settings["num_subspaces"] = given.num_subspaces if given else asked.num_subspaces
        settings["subspaces_sha256"] = None if given is None else labels_sha256(given)
    return settings


def _inversion_record(config: InversionConfig) -> dict[str, Any]:
    record = dataclasses.asdict(config)
    # Runs that were begun before there were criteria go on.
    return {k: v for k, v in record.items() if k != "until" or v is not None}


def _v_record(config: InversionConfig, perceptual: Perceptual | None) -> dict[str, str] | None:
    if perceptual is None or not config.objective.perceptual_weight:
        return None
    return {"name": perceptual.name, "sha256": perceptual.identity}
