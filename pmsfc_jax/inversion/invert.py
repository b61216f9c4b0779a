"""Invert any number of images: fixed batch shapes, one compilation, results free of batching."""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple, overload

import jax
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.operator import IDENTITY, Observation, Operator
from pmsfc_jax.core.progress import progress_bar
from pmsfc_jax.core.typing import Key, Params
from pmsfc_jax.inversion.ahead import Ahead
from pmsfc_jax.inversion.checks import check_observation, check_settings
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.compose import served_groups
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.drawing import Drawing, draw
from pmsfc_jax.inversion.feed import Feed
from pmsfc_jax.inversion.form import form_of
from pmsfc_jax.inversion.initialise import checked_start
from pmsfc_jax.inversion.memory import OutOfMemory, telling_memory
from pmsfc_jax.inversion.plan import Batch, halves, plan_batches
from pmsfc_jax.inversion.queue import Left, run_queue
from pmsfc_jax.inversion.restart import run_with_restart
from pmsfc_jax.inversion.result import InversionResult, Perceptual, concatenate
from pmsfc_jax.inversion.resume import Resume
from pmsfc_jax.inversion.run_batch import Job, Outcome
from pmsfc_jax.inversion.source import Source, source_of
from pmsfc_jax.inversion.until import REASONS
from pmsfc_jax.parallel.mesh import data_mesh, padded_size, replicate
from pmsfc_jax.subspace.subspaces import Subspaces


class Done(NamedTuple):
    """A batch that was inverted; of a queue, one image.

    Attributes:
      rows: which images of the source, ``b``.
      observation: of them, leaves ``[b, ...]``.
      result: of them.

    """

    rows: tuple[int, ...]
    observation: Observation
    result: InversionResult


def invert_batches(
    generator: SplitGenerator,
    params: Params,
    targets: Any,
    *,
    operator: Operator = IDENTITY,
    subspaces: Subspaces | None = None,
    key: Key,
    config: InversionConfig | None = None,
    perceptual: Perceptual | None = None,
    on_progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
    batches: Sequence[Batch] | None = None,
    on_split: Callable[[Batch, tuple[Batch, ...]], None] = lambda batch, parts: None,
    finished: Collection[int] = (),
    resume: Resume | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    devices: Sequence[jax.Device] | None = None,
    start_from: InversionResult | Drawing | Codes | None = None,
) -> Iterator[Done]:
    """`invert`, giving each batch as soon as it is done; with ``config.until`` each image.

    Images are taken from their source when their batch comes, and those of the next batch while
    this one runs.

    Arguments are those of `invert`, and:

    Args:
      generator: cut in two at any layer.
      params: its weights.
      targets: a `Source`, an `Observation`, or an array.
      operator: see `invert`; so are the others that are not here.
      subspaces: as there.
      key: as there.
      config: as there.
      perceptual: as there.
      on_progress: as there, but silent by default.
      batches: which images to invert and in which company; by default all, in their order.
      on_split: told of a batch that did not fit into the device's memory, and of its halves, before
        they are run; of a queue, of what is left of it, which goes on with half the slots.
      finished: images that a queue leaves out where it is begun, and not gone on with.
      resume: as there.
      should_stop: as there.
      devices: as there.
      start_from: as there.

    Raises:
      InputError: as `invert`.
      Stopped: ``should_stop()`` was true.

    """
    config, source = config or InversionConfig(), source_of(targets)
    mesh = data_mesh(devices)
    cut, masks = check_settings(generator, config, subspaces, perceptual, operator)
    composition = composition_of(config.composition)
    used = perceptual if config.objective.perceptual_weight else None
    job = Job(
        config=config,
        form=form_of(
            config,
            cut,
            operator,
            used.extract if used else None,
            served_groups(cut, masks, composition),
        ),
        params=replicate(params, mesh),
        perceptual=None if used is None else used._replace(params=replicate(used.params, mesh)),
        masks=masks,
        mesh=mesh,
        resume=resume,
        should_stop=should_stop,
    )
    starts = None if start_from is None else _starts(job, start_from, len(source))
    if batches is None:
        queue = config.until is not None
        batches = plan_batches(range(len(source)), config.batch_size, queue=queue)
    check = partial(check_observation, generator.spec, operator=operator)
    if config.until is not None:
        for row, left in _queues(
            job, key, source, check, batches, starts, set(finished), on_split, on_progress
        ):
            yield Done((row,), left.observation, _result_of_left(generator, params, job, left))
        return
    total = sum(len(batch.rows) for batch in batches) * config.num_steps
    before = 0
    with Ahead(source) as ahead:
        to_do = deque(batches)
        while to_do:
            batch = to_do.popleft()
            taken = ahead.take(batch, to_do[0] if to_do else None)
            count = len(taken.rows)

            def report(step: int, losses: np.ndarray, before: int = before, n: int = count) -> None:
                finite = losses[:n][np.isfinite(losses[:n])]
                loss = float(finite.mean()) if len(finite) else float("nan")
                on_progress(before + n * step, total, loss)

            if count:
                observation = check(taken.observation)
                try:
                    with telling_memory():
                        done = _run(job, key, batch, taken.rows, observation, starts, report)
                except OutOfMemory:
                    if not halves(batch, mesh.size):
                        raise
                    # Those that follow would not fit either.
                    waiting = [batch, *to_do]
                    to_do = deque(_split(waiting, batch.size, mesh.size, on_split))
                    continue
                outcome, restarted, names = done
                yield Done(
                    taken.rows, observation, _result(generator, params, job, outcome, restarted)
                )
                if resume is not None:
                    for name in names:
                        resume.clear(name)
            before += len(batch.rows) * config.num_steps


def _split(
    batches: Sequence[Batch],
    size: int,
    smallest: int,
    on_split: Callable[[Batch, tuple[Batch, ...]], None],
    *,
    queue: bool = False,
) -> Iterator[Batch]:
    """The batches, those of ``size`` images and more as halves."""
    for batch in batches:
        parts = halves(batch, smallest, queue=queue) if batch.size >= size else ()
        if parts:
            on_split(batch, parts)
        yield from parts or (batch,)


def _queues(
    job: Job,
    key: Key,
    source: Source,
    check: Callable[[Observation], Observation],
    batches: Sequence[Batch],
    starts: Codes | None,
    finished: set[int],
    on_split: Callable[[Batch, tuple[Batch, ...]], None],
    on_progress: Callable[[int, int, float], None],
) -> Iterator[tuple[int, Left]]:
    """The images of queues, with their rows; one that does not fit goes on with half its slots."""
    most = job.config.num_steps
    total, before = sum(len(batch.rows) for batch in batches) * most, 0
    to_do = deque(batches)
    while to_do:
        batch, given = to_do.popleft(), set[int]()
        size = padded_size(batch.size, job.mesh)

        def report(done: int, losses: np.ndarray, before: int = before) -> None:
            finite = losses[np.isfinite(losses)]
            on_progress(before + done, total, float(finite.mean()) if len(finite) else float("nan"))

        try:
            with Feed(source, batch.rows, check, size) as feed:
                for left in run_queue(
                    job,
                    key,
                    feed,
                    length=len(batch.rows),
                    size=size,
                    starts=None if starts is None else _of_rows(starts, batch.rows),
                    finished=[i for i, row in enumerate(batch.rows) if row in finished],
                    on_step=report,
                ):
                    given.add(batch.rows[left.position])
                    yield batch.rows[left.position], left
        except OutOfMemory:
            rest = Batch(tuple(row for row in batch.rows if row not in given), batch.size)
            if not halves(rest, job.mesh.size, queue=True):
                raise
            waiting = [rest, *to_do]
            to_do = deque(_split(waiting, batch.size, job.mesh.size, on_split, queue=True))
            before += len(given) * most
            continue
        before += len(batch.rows) * most


def _of_rows(codes: Codes, rows: Sequence[int]) -> Codes:
    return jax.tree.map(lambda leaf: leaf[np.array(rows)], codes)


def _run(
    job: Job,
    key: Key,
    batch: Batch,
    rows: tuple[int, ...],
    observation: Observation,
    starts: Codes | None,
    report: Callable[[int, np.ndarray], None],
) -> tuple[Outcome, np.ndarray, list[str]]:
    """One batch, filled up to its size.

    Places left over hold copies of the first image: the compiled shape stays, and no image sees
    another.
    """
    spare = padded_size(batch.size, job.mesh) - len(rows)
    places = np.r_[np.arange(len(rows)), np.zeros(spare, int)]
    filled = jax.tree.map(lambda leaf: np.asarray(leaf)[places], observation)
    codes = None
    if starts is not None:
        codes = _of_rows(starts, np.array(rows)[places].tolist())
    return run_with_restart(job, key, filled, len(rows), codes=codes, on_step=report)


def _starts(job: Job, earlier: InversionResult | Drawing | Codes, count: int) -> Codes:
    """Codes of an earlier result as starting codes of ``count`` images."""
    if isinstance(earlier, InversionResult):
        earlier = earlier.drawing
    codes = earlier.codes if isinstance(earlier, Drawing) else earlier
    form = job.form
    starts = checked_start(
        codes, form.cut, form.composition, job.masks, job.config.codes_per_subspace
    )
    if len(starts.w) != count:
        raise InputError(
            f"start_from has codes of {len(starts.w)} images and there are {count} targets: give "
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
    drawing = Drawing(
        codes=outcome.codes,
        masks=job.masks,
        layer=job.form.cut.layer,
        composition=job.form.composition.name,
        precision=job.form.precision,
        generator=generator.spec.name,
        identity=generator.spec.identity,
    )
    return InversionResult(
        drawing=drawing,
        reconstruction=draw(generator, params, drawing),
        losses=outcome.losses.T,
        steps=outcome.steps,
        reason=np.array(REASONS)[outcome.reason],
        best_step=outcome.best_step,
        guarded=outcome.guarded,
        failed=~np.isfinite(outcome.best_loss),
        restarted=restarted,
        seconds=np.full(len(drawing), outcome.seconds / len(drawing)),
    )


def _result_of_left(
    generator: SplitGenerator, params: Params, job: Job, left: Left
) -> InversionResult:
    """An image of a queue with the picture that its codes draw."""
    one = jax.tree.map(lambda leaf: np.asarray(leaf)[None], left.found)
    outcome = Outcome(
        codes=one.codes,
        best_loss=one.best_loss,
        best_step=one.best_step,
        losses=one.losses.T,
        guarded=one.guarded,
        steps=one.steps,
        reason=one.reason,
        seconds=left.seconds,
        name="",
    )
    return _result(generator, params, job, outcome, np.array([left.restarted]))


@overload
def invert(
    generator: SplitGenerator,
    params: Params,
    targets: Any,
    *,
    operator: Operator = ...,
    subspaces: Subspaces | None = ...,
    key: Key,
    config: InversionConfig | None = ...,
    perceptual: Perceptual | None = ...,
    on_progress: Callable[[int, int, float], None] | None = ...,
    resume: Resume | None = ...,
    should_stop: Callable[[], bool] = ...,
    devices: Sequence[jax.Device] | None = ...,
    start_from: InversionResult | Drawing | Codes | None = ...,
    sink: None = None,
) -> InversionResult: ...


@overload
def invert(
    generator: SplitGenerator,
    params: Params,
    targets: Any,
    *,
    operator: Operator = ...,
    subspaces: Subspaces | None = ...,
    key: Key,
    config: InversionConfig | None = ...,
    perceptual: Perceptual | None = ...,
    on_progress: Callable[[int, int, float], None] | None = ...,
    resume: Resume | None = ...,
    should_stop: Callable[[], bool] = ...,
    devices: Sequence[jax.Device] | None = ...,
    start_from: InversionResult | Drawing | Codes | None = ...,
    sink: Callable[[Done], None],
) -> None: ...


def invert(
    generator: SplitGenerator,
    params: Params,
    targets: Any,
    *,
    operator: Operator = IDENTITY,
    subspaces: Subspaces | None = None,
    key: Key,
    config: InversionConfig | None = None,
    perceptual: Perceptual | None = None,
    on_progress: Callable[[int, int, float], None] | None = None,
    resume: Resume | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    devices: Sequence[jax.Device] | None = None,
    start_from: InversionResult | Drawing | Codes | None = None,
    sink: Callable[[Done], None] | None = None,
) -> InversionResult | None:
    """Find codes from which the generator redraws ``targets`` (paper, equations 7 to 9).

    Args:
      generator: cut in two at any layer.
      params: its weights.
      targets: ``[n, H, W, 3]`` floats in [-1, 1], any ``n``; or what the operator gives of such
        images, with its operands, as an `Observation`; or a `Source` of many.
      operator: through which the images were observed; by default as they are.
      subspaces: the partition of channels that compositions within subspaces need.
      key: an image's randomness comes from it and from what was observed of the image alone.
      config: settings; the default is ``InversionConfig()``, which is the default preset. Fewer
        images than its batch size are one batch of their own number.
      perceptual: the network V; needed where its weight in the objective is not 0.
      on_progress: ``(image-steps done, in all, mean loss of the batch)``. By default stderr tells
        how far it is; ``lambda *_: None`` is silent.
      resume: where a batch in progress is kept, and gone on with. The bits are those of an
        inversion that was never stopped.
      should_stop: asked between compiled loops.
      devices: over which each batch is split; by default all of this process.
      start_from: an earlier result for the same targets, its drawing or codes, which are gone on
        from.
      sink: given each batch as soon as it is done. Nothing else holds results then: there may be
        more images than memory.

    Returns:
      The best codes of each image, and the images they give; ``None`` with a ``sink``.

    Raises:
      InputError: targets, subspaces and settings do not fit each other or the generator.
      Stopped: ``should_stop()`` was true.

    """
    with ExitStack() as stack:
        if on_progress is None:
            update = stack.enter_context(progress_bar("inversion"))

            def on_progress(done: int, total: int, loss: float) -> None:
                update(done, total, f"loss {loss:.5f}")

        found = invert_batches(
            generator,
            params,
            targets,
            operator=operator,
            subspaces=subspaces,
            key=key,
            config=config,
            perceptual=perceptual,
            on_progress=on_progress,
            resume=resume,
            should_stop=should_stop,
            devices=devices,
            start_from=start_from,
        )
        if sink is None:
            # A queue gives its images in the order in which they are done.
            ordered = sorted(found, key=lambda done: done.rows[0])
            return concatenate([done.result for done in ordered])
        for done in found:
            sink(done)
    return None
