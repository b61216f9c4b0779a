"""What ``pmsfc invert`` can be told; knows no jax.

Options that are left out are ``None`` where the preset, the method or the solver has the value: the
help says which, and a test holds it to that.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from pmsfc_jax.cli.parsing import Switch, given, required
from pmsfc_jax.cli.shared_options import DEFAULT_GENERATOR, GeneratorSet, WeightsDir

_METHODS = "pmsfc | pmsfc_linear | pmsfc_full | mganprior | mganprior_published | single | released"
_SOLVERS = "adam | sgd | lbfgs | levenberg_marquardt | variable_projection"


@dataclass
class What:
    """Which photographs, drawn by which generator, and where the results go."""

    photos: Annotated[tyro.conf.Positional[tuple[Path, ...]], required("PHOTO")]
    """Photographs, or folders of them, of any size and kind."""
    out: Path
    """Folder for the results. The same command again continues where it was stopped."""
    generator: str = DEFAULT_GENERATOR
    """Name of converted weights, or the path of their folder; pmsfc info lists them."""
    generator_set: GeneratorSet = ()
    crop: str = "centre"
    """The part of each photograph that is wanted: centre, the largest square in its middle (or
    what the generator's proportions are); stretch, all of it; or X,Y,W,H in pixels."""
    recursive: Switch = False
    """Look into the subfolders of folders, too."""
    start_from: Annotated[Path | None, given("FOLDER", "new codes")] = None
    """Folder of an earlier run of the same method, layer and photographs, whose codes are gone on
    from; its subspaces are used where --subspaces does not name others."""
    seed: int = 0
    """Of the starting codes and of the discovery."""
    weights_dir: WeightsDir = None


@dataclass
class Method:
    """How features of several codes are composed into one picture."""

    preset: Literal["fast", "default", "best"] = "default"
    """60, 150 or 300 steps: for a quick look, as a rule, or for the best picture."""
    method: Annotated[
        Literal[
            "pmsfc",
            "pmsfc_linear",
            "pmsfc_full",
            "mganprior",
            "mganprior_published",
            "single",
            "released",
        ]
        | None,
        given(_METHODS, "pmsfc_full"),
    ] = None
    """pmsfc_full is the most faithful one; pmsfc is equation 7 of the article, released the
    objective of the authors' released script."""
    layer: Annotated[int | None, given("INT", "that of --subspaces, else the first at 16x16")] = (
        None
    )
    """The cut; pmsfc info lists the layers."""
    num_subspaces: int = 4
    """R, for methods that compose within subspaces, without --subspaces."""
    subspaces: Annotated[Path | None, given("FOLDER", "discovered when the run begins")] = None
    """Folder or file of pmsfc discover."""
    partition: Literal["discovered", "random"] = "discovered"
    """random deals the channels of the subspaces at random, as a control."""
    codes: Annotated[
        int | None,
        given("INT", "4; 16 for mganprior, 30 for mganprior_published, 1 for single"),
    ] = None
    """Codes in each subspace; for methods without subspaces, in all."""


@dataclass
class Objective:
    """What is minimised: a sum of terms, each the mean of its elements times a weight."""

    pixel_weight: Annotated[float | None, given("FLOAT", "1; 0.01 for released")] = None
    """Of the difference of pixels."""
    pixel_norm: Annotated[Literal["l2", "l1"] | None, given("l2 | l1", "l2")] = None
    """l2 is the mean squared difference, l1 the mean absolute one."""
    coarse_weight: Annotated[float | None, given("FLOAT", "0")] = None
    """Of the difference of pixels at a half and a quarter of the size."""
    base_weight: Annotated[float | None, given("FLOAT", "1 for released; others have none")] = None
    """Of the base picture of released."""
    perceptual: Annotated[str | None, given("NAME", "the one stored with the generator")] = None
    """Converted judging network to use as V."""
    lpips_heads: Annotated[str | None, given("NAME", "none")] = None
    """Converted heads of LPIPS: with --perceptual naming VGG16, V is LPIPS."""
    perceptual_weight: Annotated[float | None, given("FLOAT", "0")] = None
    """Of the difference of V's features. Without V lbfgs comes closer even under other networks."""
    perceptual_norm: Annotated[Literal["l1", "l2"] | None, given("l1 | l2", "l1; l2 for LPIPS")] = (
        None
    )
    """Of the difference of V's features."""
    latent_weight: Annotated[float | None, given("FLOAT", "0")] = None
    """Of a pull of the codes to the shell where normal ones lie."""


@dataclass
class Solver:
    """How it is minimised. Each solver takes its own settings only."""

    steps: Annotated[int | None, given("INT", "that of the preset")] = None
    """Optimiser steps; with --until-psnr or --until-fall the most of any photograph."""
    until_psnr: Annotated[float | None, given("DB", "no such criterion")] = None
    """A photograph is done when it is redrawn this well, and the next one takes its place: no
    photograph waits for the slowest of its batch."""
    until_fall: Annotated[float | None, given("SHARE", "no such criterion")] = None
    """A photograph is done when its loss falls by less than this share of itself over a window;
    0.02 is 2 %."""
    until_window: Annotated[int | None, given("INT", "20")] = None
    """Steps of the window of --until-fall."""
    optimiser: Annotated[
        Literal["adam", "sgd", "lbfgs", "levenberg_marquardt", "variable_projection"] | None,
        given(_SOLVERS, "lbfgs"),
    ] = None
    """sgd is plain gradient descent, as in the published mGANprior."""
    learning_rate: Annotated[float | None, given("FLOAT", "0.05")] = None
    """Of adam, falling to a tenth, and of sgd; the first trial of lbfgs; of the codes of
    variable_projection."""
    weight_learning_rate: Annotated[float | None, given("FLOAT", "as --learning-rate")] = None
    """That of the weights of the codes, for adam and sgd."""
    context_learning_rate: Annotated[float | None, given("FLOAT", "as --learning-rate")] = None
    """That of what generators such as StyleGAN2 take behind the cut; not for lbfgs and
    levenberg_marquardt."""
    history: Annotated[int | None, given("INT", "100")] = None
    """Pairs of steps and changes of the gradient that lbfgs keeps."""
    inner_steps: Annotated[int | None, given("INT", "3")] = None
    """Conjugate gradients in a step of levenberg_marquardt and variable_projection."""
    damping: Annotated[float | None, given("FLOAT", "0.001")] = None
    """With which these two start."""
    candidates: Annotated[int | None, given("INT", "1")] = None
    """Sets of starting codes drawn for each photograph; the best is taken."""


@dataclass
class Run:
    """How the work is done and told."""

    precision: Literal["default", "high", "highest"] = "default"
    """Of matrix products on accelerators."""
    batch_size: int | Literal["auto"] = 8
    """Photographs in one compiled step, at most; with --until-..., places of the queue. Fewer
    photographs make a smaller one, and a step that does not fit into the device's memory is
    halved. auto is the largest that fits, as the device's compiler says, which is asked once; 8 on
    a CPU."""
    overwrite: Switch = False
    """Start anew in a folder that holds a run of other settings; nothing of it stays."""
    save_every_seconds: float = 60.0
    """At most this much work is lost when the process is killed."""
    verbose: Switch = False
    """Tell what was done to each photograph, one by one."""
    json: Switch = False
    """For programs: one JSON object a line on stdout, each with an "event": started, progress (at
    most once a second), image (with its metrics and its file), smaller_batches, left_out, failed,
    and at the end done, stopped or error. Text for people goes to stderr."""


@dataclass
class Shares:
    """Many processes, on one machine or many: each inverts its share with its own devices."""

    share: Annotated[str | None, given("K/N", "all photographs")] = None
    """2/8 is the second of eight shares. All are given the same --out on a disk that all see; the
    first deals the photographs, the last that is done merges."""
    distributed: Switch = False
    """Take number and count of the shares from jax.distributed (TPU pods, Slurm, Open MPI; else
    JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID say them)."""
    own_disk: Switch = False
    """Each machine has its own --out: every share deals for itself, and pmsfc merge joins them."""
    wait_seconds: float = 600.0
    """How long to wait for the first share to deal."""


@dataclass
class Options:
    """Find codes from which a generator redraws photographs, a whole folder at once.

    Exit codes: 0 all photographs were inverted; 1 some were left out or failed, and are named;
    2 a mistake in the command or its files, or a disk that cannot be written to, in one line;
    130 stopped by Ctrl-C or SIGTERM. Whatever stops it, the same command continues.

    Compiled programs are kept in the user's cache folder; the environment variable PMSFC_CACHE
    names another, or is off.
    """

    what: What
    method: Method = field(default_factory=Method)
    objective: Objective = field(default_factory=Objective)
    solver: Solver = field(default_factory=Solver)
    run: Run = field(default_factory=Run)
    shares: Shares = field(default_factory=Shares)
