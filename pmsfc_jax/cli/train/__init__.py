"""``pmsfc train``: a generator of one's own from a folder of images."""

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pmsfc_jax.cli.compile_cache import use_compilation_cache
from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.parsing import parse
from pmsfc_jax.cli.signals import stop_on_signal
from pmsfc_jax.cli.train.options import Options
from pmsfc_jax.cli.train.report import reporter
from pmsfc_jax.core.errors import InputError

#: Fewer photographs than this are learned by heart before the samples are any good.
_FEW = 1000
#: Steps between reports: a step of high resolution takes seconds on a CPU.
_REPORT_EVERY = 10
#: Exit code of a command that was interrupted, as in `pmsfc_jax.cli.main`.
_EXIT_INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    """Train to the end, then export where asked; 130 where a signal asked to stop before."""
    options = parse(Options, "train", argv)
    from pmsfc_jax.training.config import TrainingConfig
    from pmsfc_jax.training.data import load_folder
    from pmsfc_jax.training.export import export
    from pmsfc_jax.training.loop import train
    from pmsfc_jax.training.start import load_start
    from pmsfc_jax.weights.store.folder import check_replaceable

    # Mistakes in what is used last should not be found after hours.
    card = _card(options.card) if options.card else {}
    if options.export is not None:
        check_replaceable(options.export, overwrite=options.overwrite)
    elif options.export_state:
        raise InputError("--export-state adds to what --export writes: give --export too")
    # Options that are settings of the run have the settings' names.
    names = [f.name for f in fields(TrainingConfig) if hasattr(options, f.name)]
    config = TrainingConfig(**{name: getattr(options, name) for name in names})
    start, origin = None, {}
    if options.start_from is not None:
        start = load_start(options.start_from, config, weights_dir=options.weights_dir)
        origin = {"started_from": {"name": start.name, "manifest_hash": start.hash}}
    photographs, digest, faults = load_folder(options.data, options.resolution)
    for fault in faults:
        notice(f"left out {fault}")
    count = len(photographs)
    found = "1 photograph is" if count == 1 else f"{count} photographs are"
    if count < _FEW:
        notice(
            f"warning: {found} few: the discriminator will learn them by heart and samples will "
            f"copy them; {_FEW} and more are better"
        )
    notice(f"{found} there, {config.total_images} will be shown, again and again")
    use_compilation_cache()
    with stop_on_signal() as should_stop, reporter() as report:
        result = train(
            photographs,
            config,
            options.run,
            data_digest=digest,
            start=start,
            on_progress=report,
            should_stop=should_stop,
            report_every=_REPORT_EVERY,
            save_every_seconds=options.save_every_seconds,
        )
    if not result.finished:
        notice(
            f"stopped after {result.images} of {config.total_images} images, all of it saved in "
            f"{options.run}; the same command continues"
        )
        return _EXIT_INTERRUPTED
    if options.export is not None:
        export(
            options.run,
            options.export,
            config,
            card=card | {"data_sha256": digest} | origin,
            with_state=options.export_state,
            overwrite=options.overwrite,
        )
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
