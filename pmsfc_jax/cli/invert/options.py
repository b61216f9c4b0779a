"""``pmsfc invert``: photographs in; codes, redrawn images, metrics and a sheet out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

#: The generator that is shipped with the package.
DEFAULT_GENERATOR = "pggan_tops32"
#: Exit code of a run that was asked to stop, by Ctrl-C or SIGTERM, and can be gone on with.
EXIT_STOPPED = 130


@dataclass
class Options:
    """Find codes from which a generator redraws photographs, a whole folder at once.

    Exit codes: 0 all photographs were inverted; 1 some were left out or failed, and are named;
    2 a mistake in the command or its files, or a disk that cannot be written to, in one line;
    130 stopped by Ctrl-C or SIGTERM. Whatever stops it, the same command continues.

    Compiled programs are kept in the user's cache folder; the environment variable PMSFC_CACHE
    names another, or is off.
    """

    photos: tyro.conf.Positional[tuple[Path, ...]]
    """Photographs, or folders of them, of any size and kind."""
    out: Path
    """Folder for the results. The same command again continues where it was stopped."""
    generator: str = DEFAULT_GENERATOR
    """Name of converted weights, or the path of their folder."""
    preset: Literal["fast", "default", "best"] = "default"
    """Settings for a quick look, or for the best picture; options that are given go before."""
    method: (
        Literal[
            "pmsfc",
            "pmsfc_linear",
            "pmsfc_full",
            "mganprior",
            "mganprior_published",
            "single",
            "released",
        ]
        | None
    ) = None
    """How features of several codes are composed; by default pmsfc_full, the most faithful. pmsfc
    is equation 7 of the article, released the objective of the authors' released script."""
    layer: int | None = None
    """The cut; by default that of --subspaces, else the first layer at 16x16."""
    num_subspaces: int = 4
    """R, for methods that compose within subspaces, without --subspaces."""
    subspaces: Path | None = None
    """Folder or file of `pmsfc discover`."""
    partition: Literal["discovered", "random"] = "discovered"
    """random deals the channels of the subspaces at random, as a control."""
    codes: int | None = None
    """Codes in each subspace; for mganprior, in all. By default 4 a subspace, or 16, or 1."""
    steps: int | None = None
    """Optimiser steps; by default the preset's: 60, 150 or 300."""
    optimiser: (
        Literal["adam", "sgd", "lbfgs", "levenberg_marquardt", "variable_projection"] | None
    ) = None
    """By default lbfgs; sgd is plain gradient descent, as in the published mGANprior."""
    learning_rate: float | None = None
    """Of adam, falling to a tenth, and of sgd; the first trial of lbfgs. By default 0.05."""
    weight_learning_rate: float | None = None
    """That of the weights; by default the same."""
    history: int | None = None
    """Pairs of steps and changes of the gradient that lbfgs keeps; by default 100."""
    inner_steps: int | None = None
    """Conjugate gradients in a step of levenberg_marquardt and variable_projection."""
    damping: float | None = None
    """With which these two start."""
    candidates: int | None = None
    """Sets of starting codes drawn for each photograph; the best is taken. By default 1."""
    start_from: Path | None = None
    """Folder of an earlier run of the same method, layer and photographs, whose codes are gone on
    from; its subspaces are used where --subspaces does not name others."""
    pixel_weight: float | None = None
    """Of the difference of pixels; by default 1 (0.01 for released)."""
    pixel_norm: Literal["l2", "l1"] | None = None
    """l2, the default, is the mean squared difference; l1 the mean absolute one."""
    coarse_weight: float | None = None
    """Of the same at a half and a quarter of the size; by default 0."""
    base_weight: float | None = None
    """Of the base picture of released; by default 1 there."""
    perceptual: str | None = None
    """Converted judging network to use as V, instead of the one stored with the generator."""
    lpips_heads: str | None = None
    """Converted heads of LPIPS: with --perceptual naming VGG16, V is LPIPS."""
    perceptual_weight: float | None = None
    """Weight of V; by default 0, with which lbfgs comes closer even under other networks."""
    perceptual_norm: Literal["l1", "l2"] | None = None
    """Of the difference of V's features; by default l1, and l2 for LPIPS."""
    latent_weight: float | None = None
    """Of a pull of the codes to the shell where normal ones lie; by default 0."""
    precision: Literal["default", "high", "highest"] = "default"
    """Of matrix products on accelerators."""
    batch_size: int = 8
    """Photographs in one compiled step, at most; fewer photographs make a smaller one."""
    seed: int = 0
    """Of the starting codes and of the discovery."""
    weights_dir: Path | None = None
    """Where to look first for weights."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Start anew in a folder that holds a run of other settings."""
    save_every_seconds: float = 60.0
    """At most this much work is lost when the process is killed."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """For programs: one JSON object a line on stdout, each with an "event": started, progress (at
    most once a second), image (with its metrics), left_out, failed, and at the end done, stopped
    or error. Text for people goes to stderr."""
