"""From the options of ``pmsfc invert`` to a job that can be done: every mistake is found here.

Nothing is written: after a mistake the folder is as it was, and the corrected command runs.
"""

from dataclasses import dataclass
from typing import Any

from pmsfc_jax.api import (
    Drawing,
    InversionConfig,
    Perceptual,
    SplitGenerator,
    Subspaces,
    check_subspaces,
    load_generator,
    load_subspaces,
)
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.invert.earlier import codes_sha256, starting_codes, subspaces_path
from pmsfc_jax.cli.invert.options import Options
from pmsfc_jax.cli.invert.settings import OPTION_NAMES, config_of, load_v, settings_record
from pmsfc_jax.cli.photographs import look_at_photographs, tell_left_out
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.cli.wording import told_by_options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import IDENTITY
from pmsfc_jax.core.typing import Params
from pmsfc_jax.inversion.checks import check_objective, check_settings
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.io.crop import Crop
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.runs import RunFolder
from pmsfc_jax.subspace import check_question


@dataclass(frozen=True)
class Job:
    """Everything that the work needs.

    Attributes:
      options: as given.
      generator: what draws.
      params: its weights.
      config: settings of the inversion.
      perceptual: V, or ``None``.
      subspaces: the partition that was given; ``None`` where the work discovers one, or none is
        needed.
      files: the photographs.
      crop: the part of them that is wanted.
      left_out: how many files were seen to be of no use.
      start: codes to start from, a picture a photograph, or ``None``.
      settings: what decides the outcome, for the record.
      events: what programs are told.

    """

    options: Options
    generator: SplitGenerator
    params: Params
    config: InversionConfig
    perceptual: Perceptual | None
    subspaces: Subspaces | None
    files: list[PhotographFile]
    crop: Crop
    left_out: int
    start: Drawing | None
    settings: dict[str, Any]
    events: Events


def prepare(options: Options) -> Job:
    """Check the options and load what they name.

    Raises:
      InputError: anything is wrong with them, or with the folder of the run.

    """
    what, events = options.what, Events(options.run.json)
    if not options.run.save_every_seconds >= 0:
        raise InputError(
            f"--save-every-seconds is {options.run.save_every_seconds}: give 0 or more"
        )
    crop = Crop.parse(what.crop)
    what.crop = str(crop)
    start_jax()
    generator, params = load_generator(what.generator, weights_dir=what.weights_dir)
    perceptual = load_v(options)
    path = subspaces_path(options)
    given = load_subspaces(path) if path else None
    with told_by_options(OPTION_NAMES):
        config = config_of(options, generator, given, perceptual)
        _check(options, generator, config, given, perceptual)
    files, skipped = look_at_photographs(what.photos, recursive=what.recursive, crop=crop)
    for skip in skipped:
        tell_left_out(events, skip.path, skip.reason)
    if not files:
        raise InputError("none of the photographs can be used")
    settings = settings_record(options, generator, config, given, perceptual)
    start = None
    if what.start_from is not None:
        start = starting_codes(what.start_from, generator, config, given, files)
        settings["start_from_sha256"] = codes_sha256(what.start_from)
    if RunFolder.check(what.out, settings, overwrite=options.run.overwrite):
        # What is read of a run that is continued can be read.
        load_subspaces_of(RunFolder(what.out))
        RunFolder(what.out).metrics()
    return Job(
        options,
        generator,
        params,
        config,
        perceptual if config.objective.perceptual_weight else None,
        given if composition_of(config.composition).by_subspace else None,
        files,
        crop,
        len(skipped),
        start,
        settings,
        events,
    )


def _check(
    options: Options,
    generator: SplitGenerator,
    config: InversionConfig,
    given: Subspaces | None,
    perceptual: Perceptual | None,
) -> None:
    """All that can be checked of the settings before an image is seen."""
    if given is not None:
        check_subspaces(generator, given)
    if given is not None or not composition_of(config.composition).by_subspace:
        check_settings(generator, config, given, perceptual)
        return
    # The subspaces are discovered when the run begins.
    assert config.layer is not None
    check_question(generator, config.layer, options.method.num_subspaces)
    check_objective(generator.spec, config, IDENTITY, perceptual)


def load_subspaces_of(run: RunFolder) -> Subspaces | None:
    """The partition that is kept in a run's folder, if there is one."""
    path = run.path / "subspaces.npz"
    return load_subspaces(path) if path.exists() else None
