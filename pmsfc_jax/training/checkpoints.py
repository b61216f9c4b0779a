"""Checkpoints of a run: the newest two, each in a folder of its own, whole or not there.

Beside them lies ``checksums.json``, since Orbax does not notice every flipped byte.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.state import TrainState, start_stage


def checkpoint_manager(run: Path) -> ocp.CheckpointManager:
    """Checkpoints of the run in the folder ``run``."""
    options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
    return ocp.CheckpointManager((run / "checkpoints").absolute(), options=options)


def save(manager: ocp.CheckpointManager, step: int, state: TrainState, place: dict) -> None:
    """Write ``state`` to its own step folder, with the stage it belongs to.

    A step that is there already is left as it is. Arrays are stored without the devices they lay
    on, so that a run can go on with more or fewer.

    Raises:
      InputError: the state holds numbers that are not finite, or the disk refuses it; the
        checkpoints before are as they were.

    """
    if step == manager.latest_step():
        return
    host = jax.tree.map(np.asarray, state)
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(host)):
        raise diverged(Path(manager.directory).parent)
    args = ocp.args.Composite(state=ocp.args.StandardSave(host), place=ocp.args.JsonSave(place))
    try:
        with _quiet():
            manager.save(step, args=args, force=True)
            manager.wait_until_finished()
        known = _checksums(manager) | {str(step): _hash_files(Path(manager.directory) / str(step))}
        kept = {str(n): known[str(n)] for n in manager.all_steps() if str(n) in known}
        write_text_atomic(_checksum_file(manager), json.dumps(kept, indent=1) + "\n")
    except OSError as error:
        raise InputError(
            f"cannot write a checkpoint to {shown(manager.directory)}: {os_reason(error)}; the one "
            "before is kept, and the same command continues from it"
        ) from error


def diverged(run: Path) -> InputError:
    """The error of a run whose numbers are no longer finite."""
    return InputError(
        f"training diverged: the last checkpoint in {shown(run)} is sound and can be exported; "
        "train in another folder with a lower learning_rate or a higher r1_gamma"
    )


def restore(
    manager: ocp.CheckpointManager, config: TrainingConfig, step: int | None = None
) -> tuple[int, TrainState, dict[str, Any]] | None:
    """A saved step (the newest), its state as numpy arrays, its stage; ``None`` for a fresh run.

    Raises:
      InputError: the checkpoint is damaged, or of networks of other settings.

    """
    step = manager.latest_step() if step is None else step
    if step is None:
        return None
    folder = Path(manager.directory) / str(step)
    advice = "remove that folder, and the same command continues from the one before it"
    expected = _checksums(manager).get(str(step))
    if expected is not None and _hash_files(folder) != expected:
        raise InputError(f"the checkpoint {shown(folder)} is damaged: {advice}")
    try:
        with _quiet():
            args = ocp.args.Composite(place=ocp.args.JsonRestore())
            place = dict(manager.restore(step, args=args).place)
            wanted = _empty(config, place)
            args = ocp.args.Composite(state=ocp.args.StandardRestore(wanted))
            state = manager.restore(step, args=args).state
    except Exception as error:  # Orbax and TensorStore raise whatever the damage leads them to.
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"the checkpoint {shown(folder)} cannot be read ({reason}): {advice}"
        ) from error
    # Orbax gives what is stored, whatever shapes it was asked for.
    if jax.tree.map(np.shape, state) != jax.tree.map(np.shape, wanted):
        raise InputError(f"the checkpoint {shown(folder)} is of a run with other settings")
    return step, state, place


def _empty(config: TrainingConfig, place: dict[str, Any]) -> TrainState:
    """A state of a stage's shapes, as numpy: jax would bring arrays back to their old devices."""
    abstract = jax.eval_shape(
        lambda: start_stage(config, place["side"], place["fading"], jax.random.key(0))
    )
    return jax.tree.map(
        lambda leaf: np.broadcast_to(np.zeros((), leaf.dtype), leaf.shape), abstract
    )


def _checksum_file(manager: ocp.CheckpointManager) -> Path:
    return Path(manager.directory).parent / "checksums.json"


def _checksums(manager: ocp.CheckpointManager) -> dict[str, dict[str, str]]:
    """The sha256 of every file by step; nothing for steps whose save was not quite over."""
    try:
        return dict(json.loads(_checksum_file(manager).read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _hash_files(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Orbax's logging to itself."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
