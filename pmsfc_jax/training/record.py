"""What a run writes down beside its checkpoints: its settings and a log of its progress."""

import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.paths import shown
from pmsfc_jax.training.config import TrainingConfig

_SETTINGS, _LOG = "config.json", "log.csv"
#: Settings that a run may be continued with whatever they were: how long it goes on, and the hash
#: of weights that are in its checkpoints by now.
_FREE = ("total_images", "start_from_hash")


class Progress(NamedTuple):
    """Where a run stands, given to the caller after every report interval."""

    images: int
    total_images: int
    side: int
    fade: float
    images_per_second: float
    metrics: dict[str, float]

    @property
    def seconds_left(self) -> float:
        """Time to the end at the present speed; stages to come at higher resolutions are slower."""
        return max(0, self.total_images - self.images) / max(self.images_per_second, 1e-9)


def check_same_run(run: Path, settings: dict[str, Any]) -> None:
    """Write ``settings`` to the run's folder, or compare them with those that are there.

    Raises:
      InputError: the run was started with others, apart from ``total_images``, which may change.

    """
    path = run / _SETTINGS
    settings = json.loads(json.dumps(settings))
    if path.exists():
        try:
            before = dict(json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"{shown(path)} cannot be read as the settings of a run ({error}); "
                "train in another folder"
            ) from error
        # A setting that a run of an earlier version does not know had the value it has by default.
        usual = json.loads(json.dumps(dataclasses.asdict(TrainingConfig())))
        changed = [
            name
            for name, value in settings.items()
            if name not in _FREE and before.get(name, usual.get(name)) != value
        ]
        if changed:
            raise InputError(
                f"{shown(run)} was started with other {', '.join(changed)}: "
                "use the same settings to resume, or another folder"
            )
        settings |= {name: before[name] for name in _FREE[1:] if name in before}
    write_text_atomic(path, json.dumps(settings, indent=2) + "\n")


def append_log(run: Path, progress: Progress) -> None:
    """Add a row to the run's ``log.csv``."""
    path = run / _LOG
    if not path.exists():
        names = ["images", "side", "fade", "images_per_second", *progress.metrics]
        path.write_text(",".join(names) + "\n")
    numbers = [progress.fade, progress.images_per_second, *progress.metrics.values()]
    row = [str(progress.images), str(progress.side), *(f"{v:.6g}" for v in numbers)]
    with path.open("a") as file:
        file.write(",".join(row) + "\n")


def trim_log(run: Path, images: int) -> None:
    """Take away what was logged after ``images`` and then lost, so that no row comes twice."""
    path = run / _LOG
    if not path.exists():
        return
    header, *rows = path.read_text().splitlines() or [""]
    columns = header.count(",")
    kept = [row for row in rows if row.count(",") == columns and float(row.split(",")[0]) <= images]
    write_text_atomic(path, "\n".join([header, *kept]) + "\n")
