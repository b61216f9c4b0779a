"""What ``pmsfc train`` can be told; knows no jax."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pmsfc_jax.cli.parsing import Switch, given


@dataclass
class Options:
    """Train a progressive GAN on a folder of images. The same command again resumes it."""

    data: Path
    """Folder of images of any size; they are cropped and resized to squares."""
    run: Path
    """Folder for settings, checkpoints, sample sheets and the log."""
    resolution: Annotated[int | None, given("INT", "32, or that of --start-from")] = None
    """Side of the images, a power of two from 8 on."""
    widths: Annotated[
        tuple[int, ...] | None, given("INT ...", "128 128 128 64, or those of --start-from")
    ] = None
    """Channels at 4x4, 8x8, ... up to the resolution."""
    discriminator_widths: Annotated[tuple[int, ...] | None, given("INT ...", "as --widths")] = None
    """The discriminator's channels, where they are to be others."""
    latent_dim: Annotated[int | None, given("INT", "128, or that of --start-from")] = None
    """Length of a latent code."""
    start_resolution: Annotated[int | None, given("INT", "8; all of it with --start-from")] = None
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
    mix: Annotated[
        Literal["discovered", "random"] | None, given("discovered | random", "no sample is mixed")
    ] = None
    """Draw some samples from the features of two codes, mixed subspace by subspace, so that the
    generator learns to be composed (equation 8). Subspaces are discovered and followed while
    features move; random ones, dealt once, are a control."""
    mix_layer: Annotated[int | None, given("INT", "the first at 16x16")] = None
    """Where features are mixed: the layer at which pmsfc invert is to cut."""
    mix_subspaces: Annotated[int | None, given("INT", "4")] = None
    """R, how many subspaces."""
    mix_share: Annotated[float | None, given("FLOAT", "0.5")] = None
    """Part of the samples that are mixed."""
    mix_refresh_images: Annotated[int | None, given("INT", "10000")] = None
    """Photographs shown between two discoveries."""
    compute_dtype: Literal["float32", "bfloat16"] = "float32"
    """In what the networks compute; bfloat16 is for accelerators."""
    seed: int = 0
    """Of weights, latents and order."""
    start_from: Annotated[str | None, given("NAME", "random weights")] = None
    """Begin with weights that are there, by name or folder, at their own size."""
    weights_dir: Annotated[Path | None, given("FOLDER", "./ported_weights")] = None
    """Where to look first for the weights of --start-from."""
    save_every_seconds: float = 300.0
    """At most this much work is lost when the process is killed."""
    export: Annotated[Path | None, given("FOLDER", "no weights are written")] = None
    """Write the finished weights to this folder, for instance ported_weights/mine."""
    export_state: Switch = False
    """Add what a later run needs to train on from the exported weights with --start-from."""
    card: Annotated[Path | None, given("FILE", "no notes")] = None
    """JSON file whose notes (data, licence, ...) go into the exported manifest."""
    overwrite: Switch = False
    """Replace exported weights of the same name."""
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": started, progress (at
    most once a second), and at the end done, stopped or error. Text for people goes to stderr."""
