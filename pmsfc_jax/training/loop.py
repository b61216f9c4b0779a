"""The host loop of a training run: stages, checkpoints, samples, and picking up again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import Mesh

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.masks import masks_from_labels
from pmsfc_jax.io.lock import only_writer
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.parallel.mesh import data_mesh, replicate, shard_batch
from pmsfc_jax.training.checkpoints import checkpoint_manager, diverged, restore, save
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.data import batch_indices, halve
from pmsfc_jax.training.partition import find_labels, is_due
from pmsfc_jax.training.record import Progress, append_log, check_same_run, trim_log
from pmsfc_jax.training.samples import save_sheet
from pmsfc_jax.training.start import StartingPoint
from pmsfc_jax.training.state import TrainState, start_stage, state_of
from pmsfc_jax.training.step import StepMetrics, make_step

#: Keys of new layers are folded from the run's key and this less the step; those of steps are
#: folded from it and the step.
_NEW_LAYERS = 2**31 - 1
#: Those of partitions are folded from it and this and the step.
_PARTITIONS = 2**30


class TrainingResult(NamedTuple):
    """What `train` leaves: the state, photographs shown so far, and whether that was all."""

    state: TrainState
    images: int
    finished: bool


def train(
    photographs: np.ndarray,
    config: TrainingConfig,
    run: Path,
    *,
    data_digest: str,
    start: StartingPoint | None = None,
    devices: Sequence[jax.Device] | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    report_every: int = 50,
    save_every_seconds: float = 300.0,
) -> TrainingResult:
    """Train, or continue, the run in the folder ``run`` up to ``config.total_images``.

    A continued run comes to the same bits as one that was never stopped, on the same machine.

    Args:
      photographs: uint8 ``[N, R, R, 3]`` at the finished resolution; N may be below a batch.
      config: the run's settings, kept in ``run/config.json``.
      run: folder for settings, checkpoints, ``samples/`` and ``log.csv``.
      data_digest: sha256 of the photographs; part of the settings.
      start: networks to begin with, in place of random ones.
      devices: what each batch is split over; all devices of this process by default.
      on_progress: called every ``report_every`` steps.
      should_stop: asked after every step; once it is true the state is saved and that is it.
      report_every: steps between reports.
      save_every_seconds: at most this much work is lost when the process is killed.

    Raises:
      InputError: the folder holds a run with other settings, or one that another process is
        training; batches cannot be split over the devices; the disk refuses a checkpoint; or
        training diverged.

    """
    mesh = _mesh(config, devices)
    _make_folder(run)
    settings = asdict(config) | {
        "data_sha256": data_digest,
        "start_from": start and start.name,
        "start_from_hash": start and start.hash,
    }
    with only_writer(run), checkpoint_manager(run) as manager:
        check_same_run(run, settings)
        under_way = _Run(config, run, mesh, manager, _pyramid(photographs, config))
        under_way.begin(start)
        speed, saved_at = _Speed(config.batch_size), time.perf_counter()
        while under_way.images < config.total_images and not should_stop():
            under_way.enter_stage()
            under_way.refresh_partition()
            metrics = under_way.take_step()
            speed.count()
            if under_way.step % report_every == 0:
                on_progress(under_way.report(metrics, speed))
                speed.restart()
            if time.perf_counter() - saved_at > save_every_seconds:
                under_way.keep()
                saved_at = time.perf_counter()
                speed.restart()
        under_way.keep()
    images = under_way.images
    return TrainingResult(under_way.state, images, images >= config.total_images)


class _Stage(NamedTuple):
    """Which networks a state holds: those of one resolution, with fading layers or without."""

    side: int
    fading: bool


class _Run:
    """A run under way. What happens after a step is a function of what `keep` writes."""

    state: TrainState
    _stage: _Stage
    _compiled: Callable[..., tuple[TrainState, StepMetrics]]

    def __init__(
        self,
        config: TrainingConfig,
        folder: Path,
        mesh: Mesh,
        manager: ocp.CheckpointManager,
        pyramid: dict[int, np.ndarray],
    ):
        self._config = config
        self._folder = folder
        self._mesh = mesh
        self._manager = manager
        self._pyramid = pyramid
        self._root = jax.random.key(config.seed)
        self._metrics: StepMetrics | None = None
        self._labels: np.ndarray | None = None
        self._masks: jax.Array | None = None
        self.step = 0

    @property
    def images(self) -> int:
        """Photographs shown so far."""
        return self.step * self._config.batch_size

    def begin(self, start: StartingPoint | None) -> None:
        """Pick up the newest checkpoint, or begin with the networks of ``start`` or new ones."""
        config = self._config
        restored = restore(self._manager, config)
        if restored:
            self.step, state, place = restored
            self._stage = _Stage(place["side"], place["fading"])
            if "labels" in place:
                self._mix_in(np.array(place["labels"], np.int32))
        else:
            self._stage = _Stage(config.stages()[0], fading=False)
            state = start_stage(config, *self._stage, self._key_of_new_layers())
            if start is not None:
                state = state_of(config, start.generator, start.discriminator, start.average)
        trim_log(self._folder, self.images)
        self._place(state)

    def enter_stage(self) -> None:
        """Where the schedule asks for another stage than the last step's: keep, then grow."""
        side, fade = self._config.stage_at(self.images)
        stage = _Stage(side, fade > 0)
        if stage == self._stage:
            return
        self.keep()
        self._stage = stage
        self._place(start_stage(self._config, *stage, self._key_of_new_layers(), self.state))

    def refresh_partition(self) -> None:
        """Find the subspaces in which samples are mixed, where that is due and can be done yet."""
        if not self._config.mixes(*self._stage) or not is_due(
            self._config, self.step, self._labels
        ):
            return
        key = jax.random.fold_in(self._root, _PARTITIONS + self.step)
        self._mix_in(find_labels(self._config, *self._stage, self.state.average, key))

    def take_step(self) -> StepMetrics:
        """Start a step; its metrics are there when its work is done."""
        config, stage = self._config, self._stage
        photographs = self._pyramid[stage.side]
        chosen = batch_indices(len(photographs), config.batch_size, self.step, config.seed)
        batch = shard_batch(photographs[chosen], self._mesh)
        fade = jnp.float32(config.stage_at(self.images)[1])
        key = jax.random.fold_in(self._root, self.step)
        penalised = self.step % config.r1_interval == 0
        # A call returns before its work is done. Only one step is under way at a time, while
        # the next batch is made: behind a queue of them a signal or a save would come late.
        jax.block_until_ready(self._metrics)
        self.state, metrics = self._compiled(
            self.state, batch, key, fade, self._masks, penalised=penalised
        )
        self._metrics = metrics
        self.step += 1
        return metrics

    def report(self, metrics: StepMetrics, speed: "_Speed") -> Progress:
        """Write a row of the log, of the step just made.

        Raises:
          InputError: training diverged.

        """
        # Waits for the step, which the speed has counted.
        values = {name: float(value) for name, value in metrics._asdict().items()}
        if not all(np.isfinite(value) for value in values.values()):
            raise diverged(self._folder)
        # The step just made began before these images were shown.
        fade = self._config.stage_at(self.images - self._config.batch_size)[1]
        progress = Progress(
            self.images,
            self._config.total_images,
            self._stage.side,
            fade,
            speed.images_per_second(),
            values,
        )
        append_log(self._folder, progress)
        return progress

    def keep(self) -> None:
        """Write a checkpoint and a sheet of samples.

        Raises:
          InputError: training diverged, or the disk refuses them.

        """
        # At the border of two stages the schedule already speaks of the next one.
        share = self._config.stage_at(self.images)[1]
        fade = max(share, 1e-6) if self._stage.fading else 0.0
        place = self._stage._asdict()
        if self._labels is not None:
            place["labels"] = self._labels.tolist()
        save(self._manager, self.step, self.state, place)
        save_sheet(
            self._folder, self.images, self.state.average, self._config, self._stage.side, fade
        )

    def _place(self, state: TrainState) -> None:
        self.state = replicate(state, self._mesh)
        self._compiled = make_step(self._config, *self._stage, self._mesh)

    def _mix_in(self, labels: np.ndarray) -> None:
        assert self._config.mixing is not None
        masks = masks_from_labels(labels, self._config.mixing.num_subspaces)
        self._labels, self._masks = labels, replicate(masks, self._mesh)

    def _key_of_new_layers(self) -> jax.Array:
        return jax.random.fold_in(self._root, _NEW_LAYERS - self.step)


class _Speed:
    """Images a second since the last report or save."""

    def __init__(self, batch_size: int):
        self._batch_size = batch_size
        self.restart()

    def restart(self) -> None:
        self._since, self._steps = time.perf_counter(), 0

    def count(self) -> None:
        self._steps += 1

    def images_per_second(self) -> float:
        return self._steps * self._batch_size / (time.perf_counter() - self._since)


def _mesh(config: TrainingConfig, devices: Sequence[jax.Device] | None) -> Mesh:
    mesh = data_mesh(devices)
    if config.batch_size % mesh.size:
        raise InputError(
            f"batch_size {config.batch_size} cannot be split over {mesh.size} devices: "
            f"give a multiple of {mesh.size}, or let the program see fewer devices"
        )
    return mesh


def _make_folder(run: Path) -> None:
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{shown(run)} cannot be the folder of a run: {os_reason(error)}; choose another"
        ) from error


def _pyramid(photographs: np.ndarray, config: TrainingConfig) -> dict[int, np.ndarray]:
    """Photographs by side, at the resolution of every stage."""
    pyramid = {photographs.shape[1]: photographs}
    for side in reversed(config.stages()[:-1]):
        pyramid[side] = halve(pyramid[2 * side])
    return pyramid
