"""From the options of ``pmsfc restore`` to a job that can be done: every mistake is found here.

Every photograph is decoded once, to see what it has lost; pixels are not kept. Nothing is written.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import Cut, RestoreConfig, SplitGenerator, degradations, load_generator
from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.photographs import look_at_photographs, tell_left_out
from pmsfc_jax.cli.restore.folder import RestorationFolder
from pmsfc_jax.cli.restore.observe import Observed, Request, observe
from pmsfc_jax.cli.restore.options import Options
from pmsfc_jax.cli.restore.tasks import TASKS, parse_tasks
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.cli.wording import counted, told_by_options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.io.crop import Crop
from pmsfc_jax.io.find import search_photographs
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.refusals import PhotographError

_OPTION_NAMES = {"layer": "--layer", "codes": "--codes", "steps": "--steps", "pilot": "--pilot"}


@dataclass(frozen=True)
class Item:
    """A photograph that can be restored.

    Attributes:
      file: it.
      group: of those that share a degradation and the shapes of its operands; says which.
      tasks: what it has lost.
      sha256: of all that was observed of it.

    """

    file: PhotographFile
    group: str
    tasks: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class Job:
    """Everything that the work needs.

    Attributes:
      options: as given.
      generator: what draws.
      params: its weights.
      config: settings of the restoration.
      request: what is known of the loss.
      items: the photographs.
      truths: clean pictures' files by the names of photographs' files, or ``None``.
      left_out: how many files are of no use.
      settings: what decides the outcome, for the record.
      events: what programs are told.

    """

    options: Options
    generator: SplitGenerator
    params: Params
    config: RestoreConfig
    request: Request
    items: list[Item]
    truths: dict[str, Path] | None
    left_out: int
    settings: dict[str, Any]
    events: Events


def prepare(options: Options) -> Job:
    """Check the options and load what they name.

    Raises:
      InputError: anything is wrong with them, or with the folder of the run.

    """
    what, events = options.what, Events(options.run.json)
    tasks = parse_tasks(what.task)
    _check(options, tasks)
    crop = Crop.parse(what.crop)
    kernel = None if options.lost.kernel is None else parse_kernel(options.lost.kernel)
    truths = None if what.truth is None else _by_stem(what.truth)
    start_jax()
    generator, params = load_generator(what.generator, weights_dir=what.weights_dir)
    with told_by_options(_OPTION_NAMES):
        config = config_of(options, generator)
    files, skipped = look_at_photographs(what.photos, recursive=what.recursive, crop=crop)
    for skip in skipped:
        tell_left_out(events, skip.path, skip.reason)
    height, width, _ = generator.spec.image_shape
    request = Request(
        tasks,
        (height, width),
        crop,
        _masks(options, files),
        options.lost.sigma,
        kernel,
        options.lost.quality,
        options.lost.filter,
    )
    notice(f"restored pictures will have {width}x{height} pixels, what {what.generator} draws")
    items, refused = _look(files, request, events, verbose=options.run.verbose)
    if not items:
        raise InputError("none of the photographs can be restored so")
    settings = _record(options, tasks, generator, config, kernel)
    if RestorationFolder.check(what.out, settings, overwrite=options.run.overwrite):
        RestorationFolder(what.out).metrics()
    left_out = len(skipped) + refused
    return Job(
        options, generator, params, config, request, items, truths, left_out, settings, events
    )


def _check(options: Options, tasks: Sequence[str]) -> None:
    """What can be told wrong before a file is read."""
    lost, how, run = options.lost, options.how, options.run
    given = {"inpaint": "mask", "denoise": "sigma", "deblur": "kernel", "jpeg": "quality"}
    for task, name in given.items():
        if tasks and getattr(lost, name) is not None and task not in tasks:
            raise InputError(
                f"--{name} is for {task}, which --task does not name: add it, or leave it out"
            )
    if lost.sigma is not None:
        degradations.sigmas_of(lost.sigma, 1)
    if lost.quality is not None:
        degradations.compression_of_quality(lost.quality)
    if "deblur" in tasks and len(tasks) > 1 and lost.kernel is None:
        raise InputError("deblur together with another task needs --kernel: blur alone is found")
    if options.what.crop == "stretch":
        raise InputError("--crop is centre or X,Y,W,H: what was lost does not survive stretching")
    for name, value, least in (
        ("samples", how.samples, 1),
        ("batch-size", run.batch_size, 1),
        ("save-every-seconds", run.save_every_seconds, 0),
    ):
        if not value >= least:
            raise InputError(f"--{name} is {value}: give {least} or more")


def parse_kernel(text: str) -> np.ndarray:
    """``gaussian:1.5``, ``motion:5:30``, ``disk:2``, or a file, as a kernel ``[k, k]``.

    Raises:
      InputError: it is none of these.

    """
    kind, *numbers = text.split(":")
    shapes = {"gaussian": 1, "motion": 2, "disk": 1}
    if kind not in shapes or Path(text).exists():
        if not Path(text).is_file():
            raise InputError(
                f"--kernel is {text!r}, which is no file: give one, or gaussian:SIGMA, "
                "motion:LENGTH:DEGREES or disk:RADIUS, in pixels"
            )
        return degradations.read_kernel(text)
    try:
        values = [float(number) for number in numbers]
        if len(values) != shapes[kind]:
            raise ValueError
    except ValueError as error:
        form = {"gaussian": "SIGMA", "motion": "LENGTH:DEGREES", "disk": "RADIUS"}[kind]
        raise InputError(f"--kernel is {text!r}: give {kind}:{form}, numbers in pixels") from error
    kernel: np.ndarray = getattr(degradations, kind)(*values)
    return kernel


def config_of(options: Options, generator: SplitGenerator) -> RestoreConfig:
    """The settings of the restoration.

    Raises:
      InputError: they are impossible.

    """
    how = options.how
    config = RestoreConfig(layer=how.layer, codes=how.codes, steps=how.steps, pilot=how.pilot)
    if how.layer is not None:
        Cut(generator, how.layer)
    batch = options.run.batch_size * how.samples
    return replace(config, inversion=replace(config.inversion, batch_size=batch))


def _by_stem(folder: Path) -> dict[str, Path]:
    """Pictures by their names without the suffix."""
    found: dict[str, Path] = {}
    for path in search_photographs(folder).files:
        found.setdefault(path.stem, path)
    return found


def _masks(options: Options, files: Sequence[PhotographFile]) -> dict[str, Path] | None:
    mask = options.lost.mask
    if mask is None:
        return None
    if mask.is_dir():
        return _by_stem(mask)
    if not mask.is_file():
        raise InputError(f"--mask is {mask}, which is no file and no folder")
    return {file.path.stem: mask for file in files}


def _look(
    files: Sequence[PhotographFile], request: Request, events: Events, *, verbose: bool
) -> tuple[list[Item], int]:
    """The photographs that can be restored, and how many cannot; what each was taken for."""
    items: list[Item] = []
    counts: dict[str, int] = {}
    with progress_bar("photographs") as update:
        for done, file in enumerate(files):
            update(done, len(files), "")
            try:
                one = observe(file.path, file.path.stem, request)
            except PhotographError as error:
                tell_left_out(events, file.path, error.reason)
                continue
            what = ", ".join(one.tasks)
            if verbose or not request.tasks:
                notice(f"{file.name}: {what} ({', '.join(one.facts)})")
            events.tell("taken", image=file.name, tasks=list(one.tasks), facts=list(one.facts))
            counts[what] = counts.get(what, 0) + 1
            items.append(Item(file, group_of(one), one.tasks, _sha256(one)))
    for what, count in counts.items():
        notice(f"{counted(count, 'photograph')}: {what}")
    return items, len(files) - len(items)


def group_of(one: Observed) -> str:
    """What photographs have to share that are restored together."""
    height, width = one.target.shape[:2]
    operator = one.degradation.operator
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(one.operands)]
    words = [TASKS[task] for task in one.tasks]
    return f"{'+'.join(words)} {width}x{height} {operator.settings} {shapes}"


def _sha256(one: Observed) -> str:
    """Of what is compared and of what is known of the loss."""
    sha = hashlib.sha256(group_of(one).encode())
    for array in (one.target, *jax.tree.leaves(one.operands)):
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def _record(
    options: Options,
    tasks: tuple[str, ...],
    generator: SplitGenerator,
    config: RestoreConfig,
    kernel: np.ndarray | None,
) -> dict[str, Any]:
    """What decides the outcome, as it stands in config.json; masks are part of photographs."""
    what, lost, how = options.what, options.lost, options.how
    return {
        "command": "restore",
        "generator": what.generator,
        "weights_sha256": generator.spec.identity,
        "task": ",".join(tasks) or "auto",
        "crop": str(Crop.parse(what.crop)),
        "seed": what.seed,
        "sigma": lost.sigma,
        "kernel": None if kernel is None else hashlib.sha256(kernel.tobytes()).hexdigest(),
        "quality": lost.quality,
        "filter": lost.filter,
        "samples": how.samples,
        "layer": config.layer,
        "codes": config.codes,
        "steps": config.steps,
        "pilot": config.pilot,
    }
