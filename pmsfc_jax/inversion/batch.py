"""Invert any number of images: fixed batch shape, one compilation, results free of batching."""

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Key, Params
from pmsfc_jax.inversion.checks import check_targets, partition_of
from pmsfc_jax.inversion.compose import Codes, served_groups
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.initialise import codes_from
from pmsfc_jax.inversion.keys import image_keys
from pmsfc_jax.inversion.optimise import Setting
from pmsfc_jax.inversion.plan import Batch, plan_batches
from pmsfc_jax.inversion.render import render_codes
from pmsfc_jax.inversion.restart import run_with_restart
from pmsfc_jax.inversion.result import InversionResult, Perceptual, concatenate
from pmsfc_jax.inversion.resume import Resume
from pmsfc_jax.inversion.run_batch import Job, Outcome
from pmsfc_jax.parallel.mesh import data_mesh, padded_size, replicate
from pmsfc_jax.subspace.discover import Subspaces

__all__ = [
    "Batch",
    "InversionResult",
    "Perceptual",
    "concatenate",
    "image_keys",
    "invert",
    "invert_batches",
    "plan_batches",
    "render_codes",
]


def invert_batches(
    generator: SplitGenerator,
    params: Params,
    targets: Any,
    *,
    subspaces: Subspaces | None = None,
    key: Key,
    config: InversionConfig,
    perceptual: Perceptual | None = None,
    on_progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
    batches: Sequence[Batch] | None = None,
    resume: Resume | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    devices: Sequence[jax.Device] | None = None,
    start_from: InversionResult | Codes | None = None,
) -> Iterator[tuple[tuple[int, ...], InversionResult]]:
    """`invert`, giving each batch as soon as it is done: which targets it has, and its result.

    Arguments are those of `invert`, and ``batches``: which targets to invert and in which company;
    by default all of them, in their order.

    Raises:
      InputError: as `invert`.
      Stopped: ``should_stop()`` was true.

    """
    array = check_targets(generator, targets)
    mesh = data_mesh(devices)
    job = _job(generator, params, config, subspaces, perceptual, mesh, resume, should_stop)
    starts = None if start_from is None else _starts(job, start_from, len(array))
    if batches is None:
        batches = plan_batches(range(len(array)), config.batch_size)
    total = sum(len(batch.rows) for batch in batches) * config.num_steps
    before = 0
    for batch in batches:
        count = len(batch.rows)
        # Places left over hold copies of the first image: the compiled shape stays, and no image
        # sees another.
        spare = padded_size(batch.size, mesh) - count
        rows = [*batch.rows, *batch.rows[:1] * spare]

        def report(step: int, losses: np.ndarray, before: int = before, n: int = count) -> None:
            finite = losses[:n][np.isfinite(losses[:n])]
            loss = float(finite.mean()) if len(finite) else float("nan")
            on_progress(before + n * step, total, loss)

        codes = None if starts is None else jax.tree.map(itemgetter(np.array(rows)), starts)
        outcome, restarted, names = run_with_restart(
            job, key, array[rows], count, codes=codes, on_step=report
        )
        before += count * config.num_steps
        yield batch.rows, _result(generator, params, job, outcome, restarted)
        if resume is not None:
            for name in names:
                resume.clear(name)


def _job(
    generator: SplitGenerator,
    params: Params,
    config: InversionConfig,
    subspaces: Subspaces | None,
    perceptual: Perceptual | None,
    mesh: Mesh,
    resume: Resume | None,
    should_stop: Callable[[], bool],
) -> Job:
    """What all batches share, checked."""
    layer, masks = partition_of(generator, config, subspaces)
    if config.perceptual_weight and perceptual is None:
        raise InputError(
            f"perceptual_weight is {config.perceptual_weight} but there is no perceptual network: "
            "give perceptual=, or set perceptual_weight to 0"
        )
    used = perceptual if config.perceptual_weight else None
    if used is not None and used.norm not in (None, config.perceptual_norm):
        raise InputError(
            f"{used.name} is a distance of {used.norm} and perceptual_norm is "
            f"{config.perceptual_norm}: set perceptual_norm to {used.norm}"
        )
    return Job(
        setting=Setting(
            generator,
            config,
            layer,
            used.extract if used else None,
            served_groups(generator, masks, config.method),
        ),
        params=replicate(params, mesh),
        v_params=replicate(used.params, mesh) if used else {},
        v_name=used.name if used else "",
        masks=masks,
        mesh=mesh,
        resume=resume,
        should_stop=should_stop,
    )


def _starts(job: Job, earlier: InversionResult | Codes, count: int) -> Codes:
    """Codes of an earlier result as starting codes of ``count`` targets."""
    if isinstance(earlier, InversionResult):
        z, w = earlier.codes, earlier.weights
    else:
        z, w = np.asarray(earlier.z), np.asarray(earlier.w)
    starts = codes_from(job.setting, z, w, job.masks)
    if len(starts.z) != count:
        raise InputError(
            f"start_from has codes of {len(starts.z)} images and there are {count} targets: give "
            "the result of the same targets"
        )
    return starts


def _result(
    generator: SplitGenerator,
    params: Params,
    job: Job,
    outcome: Outcome,
    restarted: np.ndarray,
) -> InversionResult:
    """A batch's outcome with the images that its codes draw."""
    config, layer = job.setting.config, job.setting.layer
    image = render_codes(
        generator,
        params,
        outcome.z,
        outcome.w,
        job.masks,
        layer=layer,
        method=config.method,
        precision=config.precision,
    )
    return InversionResult(
        reconstruction=image,
        codes=outcome.z,
        weights=outcome.w,
        masks=job.masks,
        layer=layer,
        method=config.method,
        precision=config.precision,
        losses=outcome.losses.T,
        best_step=outcome.best_step,
        guarded=outcome.guarded,
        failed=~np.isfinite(outcome.best_loss),
        restarted=restarted,
        seconds=np.full(len(image), outcome.seconds / len(image)),
    )


def invert(
    generator: SplitGenerator,
    params: Params,
    targets: Any,
    *,
    subspaces: Subspaces | None = None,
    key: Key,
    config: InversionConfig | None = None,
    perceptual: Perceptual | None = None,
    on_progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
    resume: Resume | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    devices: Sequence[jax.Device] | None = None,
    start_from: InversionResult | Codes | None = None,
) -> InversionResult:
    """Find codes from which the generator redraws ``targets`` (paper, equations 7 to 9).

    Args:
      generator: cut in two at any layer.
      params: its weights.
      targets: ``[n, H, W, 3]`` floats in [-1, 1], any ``n``.
      subspaces: the partition of channels that ``pmsfc`` composes in.
      key: an image's randomness comes from it and from the image's pixels alone.
      config: settings; the default is ``InversionConfig()``. Fewer images than its batch size are
        one batch of their own number.
      perceptual: the network V; needed where ``config.perceptual_weight`` is not 0.
      on_progress: ``(image-steps done, in all, mean loss of the batch)``.
      resume: where a batch in progress is kept, and gone on with. The bits are those of an
        inversion that was never stopped.
      should_stop: asked between compiled loops.
      devices: over which each batch is split; by default all of this process.
      start_from: an earlier result for the same targets, whose codes are gone on from, or such
        codes: ``z [n, R, K, d]`` and ``w [n, R, K, C]``.

    Returns:
      The best codes of each image, and the images they give.

    Raises:
      InputError: targets, subspaces and settings do not fit each other or the generator.
      Stopped: ``should_stop()`` was true.

    """
    found = invert_batches(
        generator,
        params,
        targets,
        subspaces=subspaces,
        key=key,
        config=config or InversionConfig(),
        perceptual=perceptual,
        on_progress=on_progress,
        resume=resume,
        should_stop=should_stop,
        devices=devices,
        start_from=start_from,
    )
    return concatenate([result for _, result in found])
