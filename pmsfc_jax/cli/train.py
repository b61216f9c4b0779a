"""``pmsfc train``: a generator of one's own from a folder of images."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from pmsfc_jax.cli._compile_cache import use_compilation_cache
from pmsfc_jax.cli._console import notice
from pmsfc_jax.cli._options import parse
from pmsfc_jax.cli._signals import stop_on_signal
from pmsfc_jax.cli._train_report import reporter
from pmsfc_jax.core.errors import InputError


@dataclass
class Options:
    """Train a progressive GAN on a folder of images. The same command again resumes it."""

    data: Path
    """Folder of images of any size; they are cropped and resized to squares."""
    run: Path
    """Folder for settings, checkpoints, sample sheets and the log."""
    resolution: int = 32
    """Side of the images, a power of two from 8 on."""
    widths: tuple[int, ...] = (128, 128, 128, 64)
    """Channels at 4x4, 8x8, ... up to the resolution."""
    discriminator_widths: tuple[int, ...] | None = None
    """The discriminator's channels, where they are to be others."""
    latent_dim: int = 128
    """Length of a latent code."""
    start_resolution: int = 8
    """Side of the first stage."""
    total_images: int = 400_000
    """Photographs to show in all."""
    stage_images: int = 60_000
    """Photographs shown in each stage before the last."""
    fade_images: int = 20_000
    """Photographs over which new layers fade in."""
    batch_size: int = 8
    """Photographs a step."""
    learning_rate: float = 2e-3
    """Adam's, for both networks."""
    loss: Literal["non-saturating", "relativistic"] = "non-saturating"
    """What both networks minimise; the relativistic one compares each sample with a photograph."""
    r1_gamma: float = 0.02
    """Weight of the gradient penalty."""
    r1_interval: int = 16
    """Steps between two penalties, each weighted by it: more are steadier and dearer."""
    average_half_life: float = 6_000.0
    """Images after which a weight's share in the average has halved."""
    augmentations: tuple[Literal["colour", "translation", "cutout"], ...] = ("translation",)
    """What is changed at random in all that the discriminator sees: more for fewer images and
    longer runs, none after --augmentations."""
    compute_dtype: Literal["float32", "bfloat16"] = "float32"
    """In what the networks compute; bfloat16 is for accelerators."""
    seed: int = 0
    """Of weights, latents and order."""
    start_from: str | None = None
    """Begin with weights that are there, by name or folder, instead of random ones."""
    weights_dir: Path | None = None
    """Where to look first for the weights of --start-from."""
    save_every_seconds: float = 300.0
    """At most this much work is lost when the process is killed."""
    export: Path | None = None
    """Write the finished weights to this folder, for instance ported_weights/mine."""
    export_state: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Add what a later run needs to train on from the exported weights with --start-from."""
    card: Path | None = None
    """JSON file whose notes (data, licence, ...) go into the exported manifest."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace exported weights of the same name."""


#: Fewer photographs than this are learned by heart before the samples are any good.
_FEW = 1000
#: Steps between reports: a step of high resolution takes seconds on a CPU.
_REPORT_EVERY = 10
#: Exit code of a command that was interrupted, as in `pmsfc_jax.cli.main`.
_EXIT_INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    """Train to the end, then export where asked; 130 where a signal asked to stop before."""
    options = parse(Options, "train", argv)
    from pmsfc_jax.training.config import TrainingConfig
    from pmsfc_jax.training.data import load_folder
    from pmsfc_jax.training.export import export
    from pmsfc_jax.training.loop import train
    from pmsfc_jax.training.start import load_start
    from pmsfc_jax.weights.store.folder import check_replaceable

    # Mistakes in what is used last should not be found after hours.
    card = _card(options.card) if options.card else {}
    if options.export is not None:
        check_replaceable(options.export, overwrite=options.overwrite)
    elif options.export_state:
        raise InputError("--export-state adds to what --export writes: give --export too")
    # Options that are settings of the run have the settings' names.
    names = [f.name for f in fields(TrainingConfig) if hasattr(options, f.name)]
    config = TrainingConfig(**{name: getattr(options, name) for name in names})
    start, origin = None, {}
    if options.start_from is not None:
        start = load_start(options.start_from, config, weights_dir=options.weights_dir)
        origin = {"started_from": {"name": start.name, "manifest_hash": start.hash}}
    photographs, digest, faults = load_folder(options.data, options.resolution)
    for fault in faults:
        notice(f"left out {fault}")
    count = len(photographs)
    found = "1 photograph is" if count == 1 else f"{count} photographs are"
    if count < _FEW:
        notice(
            f"warning: {found} few: the discriminator will learn them by heart and samples will "
            f"copy them; {_FEW} and more are better"
        )
    notice(f"{found} there, {config.total_images} will be shown, again and again")
    use_compilation_cache()
    with stop_on_signal() as should_stop, reporter() as report:
        result = train(
            photographs,
            config,
            options.run,
            data_digest=digest,
            start=start,
            on_progress=report,
            should_stop=should_stop,
            report_every=_REPORT_EVERY,
            save_every_seconds=options.save_every_seconds,
        )
    if not result.finished:
        notice(
            f"stopped after {result.images} of {config.total_images} images, all of it saved in "
            f"{options.run}; the same command continues"
        )
        return _EXIT_INTERRUPTED
    if options.export is not None:
        export(
            options.run,
            options.export,
            config,
            card=card | {"data_sha256": digest} | origin,
            with_state=options.export_state,
            overwrite=options.overwrite,
        )
        notice(f"weights written to {options.export}")
    return 0


def _card(path: Path) -> dict[str, Any]:
    """The notes of a JSON file."""
    try:
        card = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"--card {path}: {error}") from error
    if not isinstance(card, dict):
        raise InputError(f"--card {path} has to hold a JSON object")
    return card
