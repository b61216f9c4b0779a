"""A queue of images: the next one takes the slot of one that is done, within the same program.

Fixed batches wait for their slowest image. Here an image leaves when its own criterion is met
(`Until`), and a compiled loop that is never changed goes on with another in its place (continuous
batching, as serving systems of language models do it: Yu et al., *Orca*, OSDI 2022). An image whose
loss ceased to be finite is the next one itself, once: with new codes and smaller steps.

Who comes when depends on the images and the number of slots alone, so that a queue that is stopped
and gone on with is the one that was never stopped, bit for bit.
"""

import time
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import jax
import numpy as np

from pmsfc_jax.core.operator import Observation
from pmsfc_jax.core.typing import Key
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.feed import Coming, Feed
from pmsfc_jax.inversion.memory import telling_memory
from pmsfc_jax.inversion.restart import diverged
from pmsfc_jax.inversion.resume import Stopped, batch_name
from pmsfc_jax.inversion.run_batch import Job
from pmsfc_jax.inversion.slots import NOBODY, Slots, Try


class Left(NamedTuple):
    """An image that is done.

    Attributes:
      position: in the queue.
      observation: of it, leaves ``[1, ...]``.
      found: the better try, leaves without the axis of images.
      restarted: whether it was tried twice.
      seconds: of its slot, divided by the number of slots.

    """

    position: int
    observation: Observation
    found: Try
    restarted: bool
    seconds: float


def run_queue(
    job: Job,
    key: Key,
    feed: Feed,
    *,
    length: int,
    size: int,
    starts: Codes | None = None,
    finished: Collection[int] = (),
    on_step: Callable[[int, np.ndarray], None] = lambda done, losses: None,
) -> Iterator[Left]:
    """Invert the images of a queue; gives each as soon as it is done.

    Args:
      job: what all of them share.
      key: of the run.
      feed: the images, at most ``length``.
      length: of the queue.
      size: slots, a multiple of the number of devices.
      starts: codes to start from, by position, or ``None`` where they are drawn.
      finished: positions that are left out, unless a state that was kept goes on past them.
      on_step: told image-steps done, those that leavers did not need among them, and the latest
        loss of each image that is there.

    Raises:
      OutOfMemory: the slots do not fit into the device's memory.
      Stopped: ``job.should_stop()`` was true; the state was given to ``job.resume``.

    """
    with telling_memory():
        slots, name, kept = _begin(job, key, feed, length, size, starts, finished)
    if slots is None:
        return
    resume = job.resume
    while True:
        if job.should_stop():
            if resume is not None and slots.ledger.moved:
                resume.save(name, slots.snapshot())
            raise Stopped
        with telling_memory():
            done = slots.done()
            # Before the first image is given: whatever is given later can be replayed.
            if resume is not None and (resume.due() if kept else done):
                resume.save(name, slots.snapshot())
                kept = True
            leavers, again = _leave(slots, done)
            coming: dict[int, Coming] = {}
            for slot in np.flatnonzero(~slots.occupied()):
                image = feed.take()
                if image is None:
                    break
                coming[int(slot)] = image
            if coming or again:
                slots.enter(coming, again)
            busy = bool(slots.occupied().any())
            began = time.perf_counter()
            if busy:
                slots.move()
        # The device works on while those that are done are written to disk.
        yield from leavers
        if not busy:
            break
        with telling_memory():
            slots.look(began)
        _report(job, slots, on_step)
    if resume is not None:
        resume.clear(name)


def _begin(
    job: Job,
    key: Key,
    feed: Feed,
    length: int,
    size: int,
    starts: Codes | None,
    finished: Collection[int],
) -> tuple[Slots | None, str, bool]:
    """The slots as they were kept, or with the first images; the name, and whether they were kept.

    ``None`` for the slots where there is no image.
    """
    feed.begin(0)
    first = _some(feed, size)
    if not first:
        return None, "", False
    slots = Slots(job, key, first, starts, size, length)
    facts = ("queue", size, length, *job.facts(job.config.solver.rates()))
    name = batch_name(facts, job.masks, slots.keys(), starts)
    if job.resume is not None:
        snapshot = job.resume.load(name, slots.shapes())
        if snapshot is not None:
            ledger = slots.ledger_of(snapshot)
            there = np.flatnonzero(ledger.position != NOBODY)
            at = {image.position: image for image in feed.at(ledger.position[there].tolist())}
            places = {int(slot): at.get(int(ledger.position[slot])) for slot in there}
            found = {slot: image for slot, image in places.items() if image is not None}
            if len(found) == len(places) and slots.restore(snapshot, found):
                feed.begin(int(ledger.next), set(np.flatnonzero(ledger.skip).tolist()))
                return slots, name, True
        # Of other images, or none: what lies there would be taken for newer than what comes.
        job.resume.clear(name)
    skip = set(finished)
    if skip:
        feed.begin(0, skip)
        first = _some(feed, size)
        if not first:
            return None, name, False
        slots = Slots(job, key, first, starts, size, length)
        slots.ledger.skip[sorted(skip)] = True
    return slots, name, False


def _some(feed: Feed, most: int) -> list[Coming]:
    """The next images, at most so many."""
    found: list[Coming] = []
    while len(found) < most and (image := feed.take()) is not None:
        found.append(image)
    return found


def _leave(slots: Slots, done: list[int]) -> tuple[list[Left], list[int]]:
    """Those that go, and the slots of those that are to be tried once more."""
    leavers, again = [], []
    for slot in done:
        ledger, found = slots.ledger, slots.try_of(slot)
        second = ledger.attempt[slot] > 0
        if not second and diverged(found.losses[: found.steps, None])[0]:
            again.append(slot)
            continue
        if second and not found.best_loss < ledger.first.best_loss[slot]:
            found = jax.tree.map(lambda leaf, slot=slot: np.copy(leaf[slot]), ledger.first)
        observation = jax.tree.map(
            lambda leaf, slot=slot: leaf[slot : slot + 1].copy(), slots.observation
        )
        position, seconds = int(ledger.position[slot]), float(ledger.seconds[slot])
        leavers.append(Left(position, observation, found, bool(second), seconds))
        slots.leave(slot)
    return leavers, again


def _report(job: Job, slots: Slots, on_step: Callable[[int, np.ndarray], None]) -> None:
    """Tell how far the queue is: whoever is past counts in full, whatever its steps were."""
    ledger, there = slots.ledger, slots.occupied()
    past = int(ledger.next) - int(there.sum())
    steps = np.where(ledger.attempt > 0, job.config.num_steps, ledger.steps)[there]
    latest = [
        ledger.losses[slot, ledger.steps[slot] - 1]
        for slot in np.flatnonzero(there & (ledger.steps > 0))
    ]
    on_step(past * job.config.num_steps + int(steps.sum()), np.array(latest))
