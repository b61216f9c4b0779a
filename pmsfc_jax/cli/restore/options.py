"""What ``pmsfc restore`` can be told; knows no jax."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from pmsfc_jax.cli.parsing import Switch, given, required
from pmsfc_jax.cli.shared_options import DEFAULT_GENERATOR, GeneratorSet, WeightsDir


@dataclass
class What:
    """Which photographs, what is wrong with them, and where the results go."""

    photos: Annotated[tyro.conf.Positional[tuple[Path, ...]], required("PHOTO")]
    """Photographs as they are, or folders of them: grey, small, with holes, noisy, blurred or
    compressed. Restored pictures have the size that the generator draws; larger photographs are
    reduced to it, with their mask and kernel."""
    task: str
    """What is wrong with them: colour (they are grey), super (they are small), inpaint (they have
    holes), denoise, deblur or jpeg; several with commas between; or auto, which looks at each."""
    out: Path
    """Folder for the results. The same command again continues where it was stopped."""
    generator: str = DEFAULT_GENERATOR
    """Name of converted weights, or the path of their folder; pmsfc info lists them."""
    generator_set: GeneratorSet = ()
    crop: str = "centre"
    """The part of each photograph that is wanted: centre, the largest square in its middle (or
    what the generator's proportions are); or X,Y,W,H in pixels."""
    recursive: Switch = False
    """Look into the subfolders of folders, too."""
    truth: Annotated[Path | None, given("FOLDER", "no measures of quality")] = None
    """Folder of the clean photographs by the same names, to measure by. They restore nothing."""
    seed: int = 0
    """Of the starting codes."""
    weights_dir: WeightsDir = None


@dataclass
class Lost:
    """What is known of the loss."""

    mask: Annotated[Path | None, given("PATH", "a photograph's own transparency")] = None
    """For inpaint, a picture of a photograph's size in which white is a hole and black is not; or
    a folder of them, each by its photograph's name."""
    sigma: Annotated[float | None, given("FLOAT", "estimated, photograph by photograph")] = None
    """For denoise, the standard deviation of the noise, in grey levels of 255."""
    kernel: Annotated[str | None, given("KERNEL", "estimated, photograph by photograph")] = None
    """For deblur, gaussian:SIGMA, motion:LENGTH:DEGREES, disk:RADIUS, in pixels of the photograph;
    or a file with the kernel: an array (.npy), numbers in lines (.txt, .csv), or a grey picture."""
    quality: Annotated[int | None, given("INT", "what the file itself says")] = None
    """For jpeg, the quality with which photographs were compressed that are no JPEG files now."""
    filter: Literal["bicubic", "lanczos", "bilinear", "box"] = "bicubic"
    """For super, how photographs were made small; box is the mean over areas."""


@dataclass
class How:
    """How they are restored."""

    samples: int = 4
    """Independent restorations of each photograph, whose mean is the result."""
    layer: Annotated[int | None, given("INT", "that which tells held-out pixels best")] = None
    """The cut; pmsfc info lists the layers."""
    codes: Annotated[int | None, given("INT", "4")] = None
    """Codes of each sample."""
    steps: Annotated[int | None, given("INT", "those which tell held-out pixels best")] = None
    """Optimiser steps. Where noise is known, it says when to stop."""
    mix: Annotated[float | Literal["auto"], given("SHARE | auto", "0")] = 0.0
    """Share of the simple way in the result, 0 to 1: a part of it is often better than none (see
    docs/restoration.md). auto takes what was best for each loss: a quarter for small photographs
    and holes, else a half. Samples and uncertainty are those without it."""
    pilot: int = 4
    """Photographs on which settings are chosen and the uncertainty is calibrated, with a tenth of
    their pixels held out. With 0 nothing is chosen, so that --layer is needed."""


@dataclass
class Run:
    """How the work is done and told."""

    batch_size: int = 4
    """Photographs, each with all its samples, in one compiled step, at most."""
    overwrite: Switch = False
    """Start anew in a folder that holds a run of other settings; nothing of it stays."""
    save_every_seconds: float = 60.0
    """At most this much work is lost when the process is killed."""
    verbose: Switch = False
    """Tell what was done to each photograph, one by one."""
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": started, taken (what a
    photograph was taken for), progress (at most once a second), chosen (the settings),
    smaller_batches, image (with its metrics and its file), left_out, failed, and at the end done,
    stopped or error. Text for people goes to stderr."""


@dataclass
class Options:
    """Restore photographs with a generator, a whole folder at once.

    Nothing clean is needed: each photograph is compared with what its loss would make of the
    generator's picture. How sure each pixel is is told as well.

    Exit codes: 0 all photographs were restored; 1 some were left out or failed, and are named;
    2 a mistake in the command or its files, or a disk that cannot be written to, in one line;
    130 stopped by Ctrl-C or SIGTERM. Whatever stops it, the same command continues.
    """

    what: What
    lost: Lost = field(default_factory=Lost)
    how: How = field(default_factory=How)
    run: Run = field(default_factory=Run)
