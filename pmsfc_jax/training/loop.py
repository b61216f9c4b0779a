"""The host loop of a training run: stages, checkpoints, samples, and picking up again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.lock import only_writer
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.parallel.mesh import data_mesh, replicate, shard_batch
from pmsfc_jax.training.checkpoints import checkpoint_manager, diverged, restore, save
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.data import batch_indices, halve
from pmsfc_jax.training.record import Progress, append_log, check_same_run, trim_log
from pmsfc_jax.training.samples import save_sheet
from pmsfc_jax.training.start import StartingPoint
from pmsfc_jax.training.step import TrainState, make_step, start_stage, state_of


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
    mesh = data_mesh(devices)
    if config.batch_size % mesh.size:
        raise InputError(
            f"batch_size {config.batch_size} cannot be split over {mesh.size} devices: "
            f"give a multiple of {mesh.size}, or let the program see fewer devices"
        )
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{shown(run)} cannot be the folder of a run: {os_reason(error)}; choose another"
        ) from error
    settings = asdict(config) | {
        "data_sha256": data_digest,
        "start_from": start and start.name,
        "start_from_hash": start and start.hash,
    }
    pyramid = {photographs.shape[1]: photographs}
    for side in reversed(config.stages()[:-1]):
        pyramid[side] = halve(pyramid[2 * side])
    root = jax.random.key(config.seed)
    with only_writer(run), checkpoint_manager(run) as manager:
        check_same_run(run, settings)
        restored = restore(manager, config)
        if restored:
            step, state, place = restored
            now = (place["side"], place["fading"])
            trim_log(run, step * config.batch_size)
        else:
            step, now = 0, (config.stages()[0], False)
            state = start_stage(config, *now, jax.random.fold_in(root, 2**31 - 1))
            if start is not None:
                state = state_of(config, start.generator, start.discriminator, start.average)
            trim_log(run, 0)
        state = replicate(state, mesh)
        compiled = make_step(config, *now, mesh)
        clock, since, saved_at = time.perf_counter(), 0, time.perf_counter()
        metrics = None

        def finish_interval() -> None:
            # At the border of two stages the schedule already speaks of the next one.
            share = config.stage_at(step * config.batch_size)[1]
            fade = max(share, 1e-6) if now[1] else 0.0
            save(manager, step, state, {"side": now[0], "fading": now[1]})
            save_sheet(run, step * config.batch_size, state.average, config, now[0], fade)

        while (images := step * config.batch_size) < config.total_images and not should_stop():
            side, fade = config.stage_at(images)
            if (side, fade > 0) != now:
                finish_interval()
                now = (side, fade > 0)
                stage_key = jax.random.fold_in(root, 2**31 - 1 - step)
                state = replicate(start_stage(config, *now, stage_key, state), mesh)
                compiled = make_step(config, *now, mesh)
            chosen = batch_indices(len(photographs), config.batch_size, step, config.seed)
            batch = shard_batch(pyramid[side][chosen], mesh)
            penalised = step % config.r1_interval == 0
            key = jax.random.fold_in(root, step)
            # A call returns before its work is done. Only one step is under way at a time, while
            # the next batch is made: behind a queue of them a signal or a save would come late.
            jax.block_until_ready(metrics)
            state, metrics = compiled(state, batch, key, jnp.float32(fade), penalised=penalised)
            step, since = step + 1, since + 1
            if step % report_every == 0:
                values = {name: float(v) for name, v in metrics._asdict().items()}
                if not all(np.isfinite(v) for v in values.values()):
                    raise diverged(run)
                images = step * config.batch_size
                rate = since * config.batch_size / (time.perf_counter() - clock)
                progress = Progress(images, config.total_images, side, fade, rate, values)
                append_log(run, progress)
                on_progress(progress)
                clock, since = time.perf_counter(), 0
            if time.perf_counter() - saved_at > save_every_seconds:
                finish_interval()
                clock, since, saved_at = time.perf_counter(), 0, time.perf_counter()
        images = step * config.batch_size
        finish_interval()
    return TrainingResult(state, images, images >= config.total_images)
