"""From the options of ``pmsfc invert`` to a job that can be done: every mistake is found here.

Nothing is written: after a mistake the folder is as it was, and the corrected command runs.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pmsfc_jax.api import (
    Drawing,
    InversionConfig,
    Perceptual,
    SplitGenerator,
    Subspaces,
    check_subspaces,
    load_subspaces,
)
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.generators import load_asked
from pmsfc_jax.cli.invert.batch_size import with_batch_size
from pmsfc_jax.cli.invert.earlier import codes_sha256, starting_codes, subspaces_path
from pmsfc_jax.cli.invert.options import Options
from pmsfc_jax.cli.invert.settings import (
    OPTION_NAMES,
    RECORD_NAMES,
    config_of,
    load_v,
    settings_record,
)
from pmsfc_jax.cli.invert.share import (
    Share,
    check_not_shared,
    check_own_disk,
    own_photographs,
    share_asked,
    share_of,
    wait_for_dealt,
)
from pmsfc_jax.cli.photographs import look_at_photographs, tell_left_out
from pmsfc_jax.cli.start_jax import join_processes, start_jax
from pmsfc_jax.cli.wording import told_by_options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import IDENTITY
from pmsfc_jax.core.typing import Params
from pmsfc_jax.inversion.checks import check_objective, check_settings
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.io.crop import Crop
from pmsfc_jax.io.images import Skipped
from pmsfc_jax.io.photographs import PhotographFile, identify_photographs
from pmsfc_jax.io.runs import RunFolder
from pmsfc_jax.io.shares import Dealt
from pmsfc_jax.subspace import check_question


@dataclass(frozen=True)
class Job:
    """Everything that the work needs.

    Attributes:
      options: as given.
      command: the words of the command, to be shown.
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
      share: of many processes, or ``None``.
      dealt: what was dealt to all shares; ``None`` where this process is going to.

    """

    options: Options
    command: str
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
    share: Share | None = None
    dealt: Dealt | None = None

    @property
    def folder(self) -> Path:
        """Where this process writes."""
        out = self.options.what.out
        return out if self.share is None else self.share.folder(out)


def prepare(options: Options, argv: Sequence[str]) -> Job:
    """Check the options and load what they name.

    Raises:
      InputError: anything is wrong with them, or with the folder of the run.

    """
    what, events = options.what, Events(options.run.json)
    for name, seconds in (
        ("save-every-seconds", options.run.save_every_seconds),
        ("wait-seconds", options.shares.wait_seconds),
    ):
        if not seconds >= 0:
            raise InputError(f"--{name} is {seconds}: give 0 or more")
    crop = Crop.parse(what.crop)
    what.crop = str(crop)
    share = share_asked(options)
    if options.shares.distributed:
        index, count = join_processes()
        share = share_of(options, index + 1, count)
    start_jax()
    generator, params = load_asked(what.generator, what.generator_set, what.weights_dir)
    perceptual = load_v(options)
    path = subspaces_path(options)
    given = load_subspaces(path) if path else None
    with told_by_options(OPTION_NAMES):
        config = config_of(options, generator, given, perceptual)
        config = with_batch_size(options, config, generator, params, perceptual, given)
        _check(options, generator, config, given, perceptual)
    by_subspace = composition_of(config.composition).by_subspace
    check_own_disk(options, by_subspace=by_subspace)
    settings = settings_record(options, generator, config, given, perceptual)
    if what.start_from is not None:
        settings["start_from_sha256"] = codes_sha256(what.start_from)
    overwrite = options.run.overwrite
    files: list[PhotographFile] = []
    left_out = 0
    if share is None or share.deals:
        files, skipped = look_at_photographs(what.photos, recursive=what.recursive, crop=crop)
        left_out = _tell(events, skipped)
        if not files:
            raise InputError("none of the photographs can be used")
        with told_by_options(RECORD_NAMES):
            continued = RunFolder.check(what.out, settings, overwrite=overwrite)
        if continued:
            # What is read of a run that is continued can be read.
            load_subspaces_of(RunFolder(what.out))
            RunFolder(what.out).metrics()
            if share is None:
                check_not_shared(what.out)
    start = None
    if what.start_from is not None and files:
        start = starting_codes(what.start_from, generator, config, given, files)
    return Job(
        options,
        shlex.join(["pmsfc", "invert", *argv]),
        generator,
        params,
        config,
        perceptual if config.objective.perceptual_weight else None,
        given if by_subspace else None,
        files,
        crop,
        left_out,
        start,
        settings,
        events,
        share,
    )


def _tell(events: Events, skipped: list[Skipped]) -> int:
    """Tell of files that cannot be used; returns how many."""
    for skip in skipped:
        tell_left_out(events, skip.path, skip.reason)
    return len(skipped)


def with_share(job: Job, dealt: Dealt | None) -> Job:
    """The job of a share alone.

    Args:
      job: of a process that has a share.
      dealt: what this process has dealt; ``None`` waits for the one that deals.

    Raises:
      InputError: nobody deals, or none of the share's photographs can be used.

    """
    options, share = job.options, job.share
    assert share is not None
    if dealt is None:
        dealt = wait_for_dealt(
            options.what.out,
            job.settings,
            share,
            options.shares.wait_seconds,
            overwrite=options.run.overwrite,
        )
    left_out = job.left_out

    def identified(paths: list[Path]) -> list[PhotographFile]:
        nonlocal left_out
        files, skipped = identify_photographs(paths, crop=job.crop)
        left_out += _tell(job.events, skipped)
        return files

    files = own_photographs(dealt, share, identified)
    if not files and dealt.shares[share.number - 1]:
        raise InputError(
            f"none of the photographs of share {share.number} of {share.of} can be used: all "
            "machines have to see them under the same paths"
        )
    start = None
    if options.what.start_from is not None and files:
        start = starting_codes(
            options.what.start_from, job.generator, job.config, job.subspaces, files
        )
    return replace(job, files=files, left_out=left_out, start=start, dealt=dealt)


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
