"""From the options of ``pmsfc restore`` to a job that can be done: every mistake is found here.

Every photograph is decoded once, to see what it has lost; pixels are not kept. Nothing is written.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pmsfc_jax.api import Cut, RestoreConfig, SplitGenerator, degradations
from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.generators import RECORDED, chosen_settings, load_asked
from pmsfc_jax.cli.photographs import look_at_photographs, tell_left_out
from pmsfc_jax.cli.restore.beside import by_stem, masks_of
from pmsfc_jax.cli.restore.folder import RestorationFolder
from pmsfc_jax.cli.restore.kernel_option import parse_kernel
from pmsfc_jax.cli.restore.look import Item, look
from pmsfc_jax.cli.restore.observe import Request
from pmsfc_jax.cli.restore.options import Options
from pmsfc_jax.cli.restore.tasks import parse_tasks
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.cli.wording import in_words, told_by_options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.io.crop import Crop
from pmsfc_jax.io.paths import shown

_OPTION_NAMES = {name: f"--{name}" for name in ("layer", "codes", "steps", "pilot")}
#: The same where a message lists the settings of a run that differ.
_RECORD_NAMES = {
    "weights_sha256": "the weights of --generator",
    RECORDED: "--generator-set",
    **{name: f"--{name}" for name in ("generator", "task", "crop", "seed", "sigma", "kernel")},
    **{name: f"--{name}" for name in ("quality", "filter", "samples", "mix", *_OPTION_NAMES)},
}


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
      command: the words of the command, to be shown.

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
    command: str


def prepare(options: Options, command: str) -> Job:
    """Check the options and load what they name; ``command`` is theirs as it was typed.

    Raises:
      InputError: anything is wrong with them, or with the folder of the run.

    """
    what, events = options.what, Events(options.run.json)
    tasks = parse_tasks(what.task)
    _check(options, tasks)
    crop = Crop.parse(what.crop)
    kernel = None if options.lost.kernel is None else parse_kernel(options.lost.kernel)
    start_jax()
    generator, params = load_asked(what.generator, what.generator_set, what.weights_dir)
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
        masks_of(options.lost.mask, files),
        options.lost.sigma,
        kernel,
        options.lost.quality,
        options.lost.filter,
    )
    notice(f"restored pictures will have {width}x{height} pixels, what {what.generator} draws")
    items, refused = look(files, request, events, verbose=options.run.verbose)
    if not items:
        raise InputError("none of the photographs can be restored, for the reasons above")
    truths = None if what.truth is None else _truths(what.truth, items)
    settings = _record(options, request, generator, config)
    with told_by_options(_RECORD_NAMES):
        if RestorationFolder.check(what.out, settings, overwrite=options.run.overwrite):
            RestorationFolder(what.out).metrics()
    left_out = len(skipped) + refused
    return Job(
        options,
        generator,
        params,
        config,
        request,
        items,
        truths,
        left_out,
        settings,
        events,
        command,
    )


def _truths(folder: Path, items: Sequence[Item]) -> dict[str, Path]:
    """Clean pictures of the photographs, by their names."""
    found, wanted = by_stem(folder), {item.file.path.stem for item in items}
    missing = sorted(wanted - found.keys())
    if len(missing) == len(wanted):
        raise InputError(
            f"no picture in {shown(folder)} has the name of a photograph, such as {missing[0]}: "
            "--truth is a folder of the clean ones by the same names"
        )
    if missing:
        notice(f"not measured, since --truth has no pictures of these names: {in_words(missing)}")
    return found


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
    if how.mix != "auto" and not 0 <= how.mix <= 1:
        raise InputError(f"--mix is {how.mix:g}: give a share from 0 to 1, or auto")
    if how.mix and find_spec("skimage") is None:
        raise InputError("--mix needs scikit-image: pip install 'pmsfc-jax[bench]'")


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


def _record(
    options: Options,
    request: Request,
    generator: SplitGenerator,
    config: RestoreConfig,
) -> dict[str, Any]:
    """What decides the outcome, as it stands in config.json; masks are part of photographs."""
    what, how = options.what, options.how
    kernel, chosen = request.kernel, chosen_settings(what.generator_set)
    return {
        **({RECORDED: chosen} if chosen else {}),
        "command": "restore",
        "generator": what.generator,
        "weights_sha256": generator.spec.identity,
        "task": ",".join(request.tasks) or "auto",
        "crop": str(request.crop),
        "seed": what.seed,
        "sigma": request.sigma,
        "kernel": None if kernel is None else hashlib.sha256(kernel.tobytes()).hexdigest(),
        "quality": request.quality,
        "filter": request.filter,
        "samples": how.samples,
        "mix": how.mix,
        "layer": config.layer,
        "codes": config.codes,
        "steps": config.steps,
        "pilot": config.pilot,
    }
