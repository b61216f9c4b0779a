"""``pmsfc train``: a generator of one's own from a folder of images."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import tyro

from pmsfc_jax.cli._console import notice, progress_bar
from pmsfc_jax.cli._options import parse
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
    latent_dim: int = 128
    """Length of a latent code."""
    start_resolution: int = 8
    """Side of the first stage."""
    total_images: int = 400_000
    """Photographs to show in all."""
    stage_images: int = 100_000
    """Photographs shown in each stage before the last."""
    fade_images: int = 40_000
    """Photographs over which new layers fade in."""
    batch_size: int = 32
    """Photographs a step."""
    learning_rate: float = 1.5e-3
    """Adam's, for both networks."""
    r1_gamma: float = 0.1
    """Weight of the gradient penalty."""
    average_half_life: float = 5_000.0
    """Images after which a weight's share in the average has halved."""
    seed: int = 0
    """Of weights, latents and order."""
    save_every_seconds: float = 300.0
    """At most this much work is lost when the process is killed."""
    export: Path | None = None
    """Write the finished weights to this folder, for instance ported_weights/mine."""
    card: Path | None = None
    """JSON file whose notes (data, licence, ...) go into the exported manifest."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace exported weights of the same name."""


#: Fewer photographs than this are learned by heart before the samples are any good.
_FEW = 1000


def main(argv: Sequence[str]) -> int:
    """Train to the end, then export where asked."""
    options = parse(Options, "train", argv)
    from pmsfc_jax.training.config import TrainingConfig
    from pmsfc_jax.training.data import load_folder
    from pmsfc_jax.training.export import export
    from pmsfc_jax.training.loop import Progress, train

    if options.card:
        _card(options.card)  # a mistake there should not be found after hours
    # Options that are settings of the run have the settings' names.
    names = [f.name for f in fields(TrainingConfig) if hasattr(options, f.name)]
    config = TrainingConfig(**{name: getattr(options, name) for name in names})
    photographs, digest, faults = load_folder(options.data, options.resolution)
    for fault in faults:
        notice(f"left out {fault}")
    if len(photographs) < _FEW:
        notice(
            f"warning: {len(photographs)} photographs are few: the discriminator will learn them "
            f"by heart and samples will copy them; {_FEW} and more are better"
        )
    notice(f"{len(photographs)} photographs, {config.total_images} to be shown")
    with progress_bar("training") as update:

        def report(now: Progress) -> None:
            text = f"{now.side}x{now.side} {now.images_per_second:.0f} images/s"
            update(now.images, now.total_images, text)

        train(
            photographs,
            config,
            options.run,
            data_digest=digest,
            on_progress=report,
            save_every_seconds=options.save_every_seconds,
        )
    if options.export is not None:
        card = _card(options.card) if options.card else {}
        card["data_sha256"] = digest
        export(options.run, options.export, config, card=card, overwrite=options.overwrite)
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
