"""Settings that were chosen for photographs of one loss, kept in the run's folder."""

from dataclasses import asdict, replace

from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.restore.look import Item
from pmsfc_jax.cli.restore.standing import Run
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.tasks.restoration.calibration import Calibration
from pmsfc_jax.tasks.restoration.choose import Choice, Tried


def recorded(run: Run, group: str) -> Choice | None:
    """What was chosen for a group when the run began."""
    kept = run.folder.choices().get(group)
    if kept is None:
        return None
    try:
        calibration = kept["calibration"]
        if calibration is not None:
            calibration = Calibration(**(calibration | {"within": tuple(calibration["within"])}))
        inversion = run.job.config.with_defaults(kept["layer"])
        return Choice(
            replace(inversion, num_steps=kept["steps"]),
            calibration,
            tuple(Tried(**one) for one in kept["tried"]),
        )
    except (KeyError, TypeError):
        return None


def record(run: Run, group: str, choice: Choice) -> None:
    """Keep what was chosen for a group.

    Raises:
      InputError: it cannot be written.

    """
    calibration = choice.calibration
    run.folder.save_choices(
        run.folder.choices()
        | {
            group: {
                "layer": choice.inversion.layer,
                "steps": choice.inversion.num_steps,
                "calibration": None if calibration is None else asdict(calibration),
                "tried": [asdict(tried) for tried in choice.tried],
            }
        }
    )


def tell_choice(run: Run, item: Item, count: int, choice: Choice) -> None:
    """Tell people and programs what was chosen for ``count`` photographs like ``item``."""
    job, tasks = run.job, ", ".join(item.tasks)
    layer, steps = choice.inversion.layer, choice.inversion.num_steps
    notice(
        f"{tasks}, {counted(count, 'photograph')}: {counted(job.options.how.samples, 'sample')} "
        f"each at layer {layer}, {counted(steps, 'step')}"
    )
    if choice.calibration is not None:
        notice(f"uncertainty: {choice.calibration}")
    elif job.options.how.pilot:
        notice("uncertainty: what was held out does not tell its scale; it is that of the samples")
    job.events.tell(
        "chosen",
        tasks=list(item.tasks),
        layer=layer,
        steps=steps,
        calibration=None if choice.calibration is None else asdict(choice.calibration),
    )
