"""The work behind ``pmsfc train``: train to the end, then export."""

from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.exit_codes import EXIT_INTERRUPTED
from pmsfc_jax.cli.signals import stop_on_signal
from pmsfc_jax.cli.train.prepare import OPTION_NAMES, Job
from pmsfc_jax.cli.train.report import reporter
from pmsfc_jax.cli.wording import told_by_options
from pmsfc_jax.io.paths import shown
from pmsfc_jax.training.export import export
from pmsfc_jax.training.loop import train

#: Steps between reports: a step of high resolution takes seconds on a CPU.
_REPORT_EVERY = 10


def work(job: Job) -> int:
    """Do what `pmsfc train` says; returns its exit code.

    Raises:
      InputError: the folder of the run or of the weights cannot be used, or training diverged.

    """
    options, config = job.options, job.config
    job.events.tell(
        "started",
        run=str(options.run),
        photographs=len(job.photographs),
        total_images=config.total_images,
    )
    with (
        stop_on_signal() as should_stop,
        reporter(config.total_images, job.events) as report,
        told_by_options(OPTION_NAMES),
    ):
        result = train(
            job.photographs,
            config,
            options.run,
            data_digest=job.digest,
            start=job.start,
            on_progress=report,
            should_stop=should_stop,
            report_every=_REPORT_EVERY,
            save_every_seconds=options.save_every_seconds,
        )
    counts = {"images": result.images, "of": config.total_images}
    if not result.finished:
        notice(
            f"stopped after {result.images} of {config.total_images} images, all of it saved in "
            f"{shown(options.run)}; the same command continues"
        )
        job.events.tell("stopped", **counts, exit_code=EXIT_INTERRUPTED)
        return EXIT_INTERRUPTED
    if options.export is not None:
        _export(job)
    weights = None if options.export is None else str(options.export)
    job.events.tell("done", **counts, weights=weights, exit_code=0)
    return 0


def _export(job: Job) -> None:
    options = job.options
    assert options.export is not None
    if job.exported and not options.overwrite:
        notice(f"the weights of this run are in {shown(options.export)} already")
        return
    export(
        options.run,
        options.export,
        job.config,
        card=job.card,
        with_state=options.export_state,
        overwrite=options.overwrite,
    )
    notice(f"weights written to {shown(options.export)}")
