"""The host loop of a training run: stages, checkpoints, samples, and picking up again."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_uint8
from pmsfc_jax.core.typing import Params
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.images import save_png
from pmsfc_jax.nn import pggan
from pmsfc_jax.report.sheet import grid
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.data import batch_indices, halve
from pmsfc_jax.training.equalised import to_effective
from pmsfc_jax.training.step import TrainState, make_step, start_stage


class Progress(NamedTuple):
    """Where a run stands, given to the caller after every report interval."""

    images: int
    total_images: int
    side: int
    fade: float
    images_per_second: float
    metrics: dict[str, float]


def sample_average(
    state: TrainState, config: TrainingConfig, side: int, fade: float, num: int = 64
) -> np.ndarray:
    """Draw ``num`` samples of the averaged generator as uint8 ``[num, side, side, 3]``.

    The latents are those of seed 0 whatever the run's seed, so that sheets can be compared.
    """
    module = pggan.pure_module(config.generator(side, fade > 0))
    z = jax.random.normal(jax.random.key(0), (num, config.latent_dim))

    def draw(params: Params) -> jax.Array:
        bound = module.bind(to_effective(params))
        return bound.tail(bound.head(z, 0), 0, jnp.float32(fade) if fade > 0 else None)

    return to_uint8(jax.jit(draw)(state.average))


def checkpoint_manager(run: Path) -> ocp.CheckpointManager:
    """Checkpoints of a run, each in a folder of its own, the newest two kept."""
    options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
    return ocp.CheckpointManager((run / "checkpoints").absolute(), options=options)


def save(manager: ocp.CheckpointManager, step: int, state: TrainState, place: dict) -> None:
    """Write ``state`` to its own step folder, with the stage it belongs to."""
    args = ocp.args.Composite(state=ocp.args.StandardSave(state), place=ocp.args.JsonSave(place))
    manager.save(step, args=args, force=True)
    manager.wait_until_finished()


def restore(
    manager: ocp.CheckpointManager, config: TrainingConfig, step: int | None = None
) -> tuple[int, TrainState, dict] | None:
    """A saved step (the newest), its state and its stage; ``None`` for a fresh run."""
    step = manager.latest_step() if step is None else step
    if step is None:
        return None
    place = manager.restore(step, args=ocp.args.Composite(place=ocp.args.JsonRestore())).place
    abstract = jax.eval_shape(
        lambda: start_stage(config, place["side"], place["fading"], jax.random.key(0))
    )
    state = manager.restore(
        step, args=ocp.args.Composite(state=ocp.args.StandardRestore(abstract))
    ).state
    return step, state, place


def _check_same_run(run: Path, settings: dict[str, Any]) -> None:
    """Refuse to continue a run with other settings; ``total_images`` may grow."""
    path = run / "config.json"
    if not path.exists():
        write_text_atomic(path, json.dumps(settings, indent=2) + "\n")
        return
    before = json.loads(path.read_text())
    changed = [k for k in settings if k != "total_images" and before.get(k) != settings[k]]
    if changed:
        raise InputError(
            f"{run} was started with other {', '.join(changed)}: "
            "use the same settings to resume, or another folder"
        )
    write_text_atomic(path, json.dumps(settings, indent=2) + "\n")


def train(
    photographs: np.ndarray,
    config: TrainingConfig,
    run: Path,
    *,
    data_digest: str,
    on_progress: Callable[[Progress], None] = lambda _: None,
    report_every: int = 50,
    save_every_seconds: float = 300.0,
) -> TrainState:
    """Train, or continue, the run in the folder ``run`` up to ``config.total_images``.

    Args:
      photographs: uint8 ``[N, R, R, 3]`` at the finished resolution.
      config: the run's settings, kept in ``run/config.json``.
      run: folder for settings, checkpoints, ``samples/`` and ``log.csv``.
      data_digest: sha256 of the photographs; part of the settings.
      on_progress: called every ``report_every`` steps.
      report_every: steps between reports.
      save_every_seconds: at most this much work is lost when the process is killed.

    Raises:
      InputError: the folder holds a run with other settings.

    """
    (run / "samples").mkdir(parents=True, exist_ok=True)
    settings = json.loads(json.dumps(asdict(config))) | {"data_sha256": data_digest}
    _check_same_run(run, settings)
    pyramid = {photographs.shape[1]: photographs}
    for side in reversed(config.stages()[:-1]):
        pyramid[side] = halve(pyramid[2 * side])
    manager = checkpoint_manager(run)
    root = jax.random.key(config.seed)
    restored = restore(manager, config)
    if restored:
        step, state, place = restored
        now = (place["side"], place["fading"])
    else:
        step, now = 0, (config.stages()[0], False)
        state = start_stage(config, *now, jax.random.fold_in(root, 2**31 - 1))
    compiled = make_step(config, *now)
    clock, since, saved_at = time.perf_counter(), 0, time.perf_counter()

    def finish_interval(fade: float) -> None:
        save(manager, step, state, {"side": now[0], "fading": now[1]})
        samples = sample_average(state, config, now[0], fade)
        save_png(run / "samples" / f"{step * config.batch_size:08d}.png", grid(samples, 8))

    while step * config.batch_size < config.total_images:
        images = step * config.batch_size
        side, fade = config.stage_at(images)
        if (side, fade > 0) != now:
            finish_interval(0.0 if not now[1] else 1e-6)
            now = (side, fade > 0)
            stage_key = jax.random.fold_in(root, 2**31 - 1 - step)
            state = start_stage(config, *now, stage_key, state)
            compiled = make_step(config, *now)
        batch = pyramid[side][batch_indices(len(photographs), config.batch_size, step, config.seed)]
        penalised = step % config.r1_interval == 0
        key = jax.random.fold_in(root, step)
        state, metrics = compiled(state, batch, key, jnp.float32(fade), penalised=penalised)
        step, since = step + 1, since + 1
        if since == report_every:
            values = {name: float(v) for name, v in metrics._asdict().items()}
            rate = since * config.batch_size / (time.perf_counter() - clock)
            progress = Progress(
                step * config.batch_size, config.total_images, side, fade, rate, values
            )
            _log(run / "log.csv", progress)
            on_progress(progress)
            clock, since = time.perf_counter(), 0
            if not all(np.isfinite(v) for v in values.values()):
                raise InputError(
                    f"training diverged at {progress.images} images: the last checkpoint in {run} "
                    "is sound; start again with a lower learning_rate or a higher r1_gamma"
                )
        if time.perf_counter() - saved_at > save_every_seconds:
            finish_interval(fade)
            clock, since, saved_at = time.perf_counter(), 0, time.perf_counter()
    finish_interval(config.stage_at(step * config.batch_size)[1])
    manager.close()
    return state


def _log(path: Path, progress: Progress) -> None:
    names = list(progress.metrics)
    if not path.exists():
        path.write_text(",".join(["images", "side", "fade", "images_per_second", *names]) + "\n")
    values = [progress.images, progress.side, progress.fade, progress.images_per_second]
    with path.open("a") as file:
        row = [f"{v:.6g}" for v in [*values, *progress.metrics.values()]]
        file.write(",".join(row) + "\n")
