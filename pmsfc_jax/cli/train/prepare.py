"""From the options of ``pmsfc train`` to a job that can be done: every mistake is found here."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.cli.train.options import Options
from pmsfc_jax.cli.wording import counted, told_by_options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import shown
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.data import load_folder
from pmsfc_jax.training.export import is_export_of
from pmsfc_jax.training.mixing import Mixing
from pmsfc_jax.training.start import StartingPoint, load_start, sizes_of_start
from pmsfc_jax.weights.store.folder import check_replaceable

#: Fewer photographs than this are learned by heart before the samples are any good.
_FEW = 1000
#: Options of mixing, and the fields of `Mixing` that they are.
_MIXING = {
    "mix_layer": "layer",
    "mix_subspaces": "num_subspaces",
    "mix_share": "share",
    "mix_refresh_images": "refresh_images",
}
_SETTINGS = [field.name for field in dataclasses.fields(TrainingConfig)]
#: Python's names in messages, and the options that they are.
OPTION_NAMES = {name: f"--{name.replace('_', '-')}" for name in _SETTINGS if "_" in name} | {
    "start_from": "--start-from",
    "data_sha256": "photographs of --data",
    "the layer of mixing": "--mix-layer",
    "num_subspaces": "--mix-subspaces",
    "share": "--mix-share",
    "refresh_images": "--mix-refresh-images",
    "mixing": "--mix",
}


@dataclass(frozen=True)
class Job:
    """Everything that the work needs.

    Attributes:
      options: as given.
      config: settings of the run.
      photographs: ``[n, side, side, 3]`` uint8.
      digest: sha256 of them.
      start: networks to begin with, or ``None``.
      card: what goes into the manifest of exported weights.
      exported: whether the finished weights of this very run are where they are to be written.
      events: what programs are told.

    """

    options: Options
    config: TrainingConfig
    photographs: np.ndarray
    digest: str
    start: StartingPoint | None
    card: dict[str, Any]
    exported: bool
    events: Events


def prepare(options: Options) -> Job:
    """Check the options and load what they name; nothing is written.

    Raises:
      InputError: anything is wrong with them.

    """
    # Mistakes in what is used last should not be found after hours.
    card = _card(options.card) if options.card else {}
    if options.export is None and options.export_state:
        raise InputError("--export-state adds to what --export writes: give --export too")
    _check_mix_options(options)
    if not options.save_every_seconds >= 0:
        raise InputError(f"--save-every-seconds is {options.save_every_seconds}: give 0 or more")
    start_jax()
    start, sizes = None, {}
    if options.start_from is not None:
        sizes = sizes_of_start(options.start_from, weights_dir=options.weights_dir)
        sizes["start_resolution"] = sizes["resolution"]
    given = {name: getattr(options, name) for name in _SETTINGS if hasattr(options, name)}
    with told_by_options(OPTION_NAMES):
        config = TrainingConfig(
            **(sizes | {name: value for name, value in given.items() if value is not None})
        )
        if options.mix is not None:
            config = dataclasses.replace(config, mixing=_mixing(options, config))
        if options.start_from is not None:
            start = load_start(options.start_from, config, weights_dir=options.weights_dir)
    photographs, digest, faults = load_folder(options.data, config.resolution)
    for fault in faults:
        notice(f"left out {fault}")
    card |= {"data_sha256": digest}
    if start is not None:
        card |= {"started_from": {"name": start.name, "manifest_hash": start.hash}}
    exported = options.export is not None and is_export_of(
        options.export, config, card=card, with_state=options.export_state
    )
    if options.export is not None and not exported:
        check_replaceable(options.export, overwrite=options.overwrite)
    _tell_number(len(photographs), config)
    events = Events(options.json)
    return Job(options, config, photographs, digest, start, card, exported, events)


def _check_mix_options(options: Options) -> None:
    given = [name for name in _MIXING if getattr(options, name) is not None]
    if options.mix is None and given:
        raise InputError(
            f"--{given[0].replace('_', '-')} is about mixed samples, and none is mixed: give "
            "--mix discovered too"
        )


def _mixing(options: Options, config: TrainingConfig) -> Mixing:
    """What is said about mixed samples, at the layer where `pmsfc invert` cuts if none is named."""
    assert options.mix is not None
    given = {field: getattr(options, name) for name, field in _MIXING.items()}
    values = {"layer": config.usual_cut} | {
        field: value for field, value in given.items() if value is not None
    }
    return Mixing(partition=options.mix, **values)


def _tell_number(count: int, config: TrainingConfig) -> None:
    found = counted(count, "photograph is", "photographs are")
    if count < _FEW:
        notice(
            f"warning: {found} few: the discriminator will learn them by heart and samples will "
            f"copy them; {_FEW} and more are better"
        )
    notice(f"{found} there, {config.total_images} will be shown, again and again")


def _card(path: Path) -> dict[str, Any]:
    """The notes of a JSON file."""
    try:
        card = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"--card {shown(path)}: {error}") from error
    if not isinstance(card, dict):
        raise InputError(f"--card {shown(path)} has to hold a JSON object")
    return card
