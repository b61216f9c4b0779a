"""The places of a queue on the device: who is in each, how far it is, and what is kept of it."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.operator import Observation
from pmsfc_jax.core.typing import Key
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.feed import Coming
from pmsfc_jax.inversion.form import Traced, traced
from pmsfc_jax.inversion.initialise import code_shapes, draw_codes
from pmsfc_jax.inversion.keys import image_keys
from pmsfc_jax.inversion.optimise import State, advance, renew, start
from pmsfc_jax.inversion.problem import Problem
from pmsfc_jax.inversion.restart import RESTART_DIVISOR
from pmsfc_jax.inversion.resume import Snapshot
from pmsfc_jax.inversion.run_batch import Job, array_of, settle, shapes_of
from pmsfc_jax.inversion.solvers.per_image import select
from pmsfc_jax.parallel.mesh import shard_batch, shard_leading

#: Steps between two looks at who is done. A slot whose image is done waits for the rest of them.
STEPS_PER_LOOK = 5
NOBODY = -1


class Try(NamedTuple):
    """What an inversion of each image has come to, leaves ``[b, ...]``.

    Attributes:
      codes: of the lowest loss.
      best_loss: that loss.
      best_step: where it was.
      losses: of every step, ``[b, num_steps]``; nan after the last.
      guarded: the most guarded denominators of a step.
      steps: done.
      reason: why no more, a number of `until.REASONS`.

    """

    codes: Codes
    best_loss: np.ndarray
    best_step: np.ndarray
    losses: np.ndarray
    guarded: np.ndarray
    steps: np.ndarray
    reason: np.ndarray


class Ledger(NamedTuple):
    """What the host knows of the slots, arrays ``[b, ...]`` where nothing else is said.

    Attributes:
      position: of the slot's image in the queue; `NOBODY` where there is none.
      attempt: 0, or 1 where the image is tried for the second time.
      keys: key data of the image.
      losses: of its steps, ``[b, num_steps]``; nan where there is none yet.
      guarded: the most guarded denominators of its steps.
      steps: done.
      reason: see `until.REASONS`.
      seconds: time of its slot.
      first: its first try, where this is the second.
      next: position of the queue up to which images have come, a scalar.
      skip: positions that are not to come, ``[n]``.
      moved: steps of the compiled loop so far, a scalar.

    """

    position: np.ndarray
    attempt: np.ndarray
    keys: np.ndarray
    losses: np.ndarray
    guarded: np.ndarray
    steps: np.ndarray
    reason: np.ndarray
    seconds: np.ndarray
    first: Try
    next: np.ndarray
    skip: np.ndarray
    moved: np.ndarray


class Slots:
    """``b`` places, some of which hold an image.

    Args:
      job: what all images share.
      key: of the run.
      images: at most ``size`` to begin with; there is one at least.
      starts: codes that images start from, by their position, or ``None`` where they are drawn.
      size: b, a multiple of the number of devices.
      length: images in the queue.

    Attributes:
      ledger: as it is now.
      observation: of each slot, leaves ``[b, ...]``; places without an image hold copies.

    """

    def __init__(
        self,
        job: Job,
        key: Key,
        images: list[Coming],
        starts: Codes | None,
        size: int,
        length: int,
    ) -> None:
        self._job, self._key, self._starts, self._size = job, key, starts, size
        fill = [*images, *[images[0]] * (size - len(images))]
        self.observation: Observation = jax.tree.map(
            lambda *leaves: np.concatenate(leaves), *(image.observation for image in fill)
        )
        keys = np.concatenate([self._key_of(image.observation, 0) for image in fill])
        self.ledger = _nothing(job, keys, size, length)
        for slot, image in enumerate(images):
            self._put(slot, image.position)
        self._problem: Problem
        self._state: State
        self._settings: Traced
        self._pending: tuple[Any, int] | None = None
        self._begin()

    def occupied(self) -> np.ndarray:
        """Which slots hold an image, ``[b]``."""
        return self.ledger.position != NOBODY

    def keys(self) -> Key:
        """Of the image in each slot, ``[b]``."""
        impl = jax.random.key_impl(self._key)
        return jax.random.wrap_key_data(jnp.asarray(self.ledger.keys), impl=impl)

    def enter(self, images: Mapping[int, Coming], again: list[int]) -> None:
        """Put images into slots, and have those of the slots ``again`` tried once more."""
        for slot, image in images.items():
            self._put(slot, image.position)
            self.ledger.keys[slot] = self._key_of(image.observation, 0)[0]

            def put(held: np.ndarray, new: np.ndarray, slot: int = slot) -> None:
                held[slot] = new[0]

            jax.tree.map(put, self.observation, image.observation)
        for slot in again:
            first = self.try_of(slot)

            def keep(held: np.ndarray, new: np.ndarray, slot: int = slot) -> None:
                held[slot] = new

            jax.tree.map(keep, self.ledger.first, first)
            self._put(slot, int(self.ledger.position[slot]), attempt=1)
            one = jax.tree.map(lambda leaf, slot=slot: leaf[slot : slot + 1], self.observation)
            self.ledger.keys[slot] = self._key_of(one, 1)[0]
        new = np.zeros(self._size, bool)
        new[[*images, *again]] = True
        codes, seen = self._codes()
        self._problem, state = renew(
            self._job.form,
            self._job.v_params,
            self._problem,
            self._state,
            codes,
            seen,
            self._settings,
            shard_batch(jnp.asarray(new), self._job.mesh),
        )
        self._state = settle(state, self._job.mesh, self._size)

    def leave(self, slot: int) -> None:
        """Leave a slot without an image."""
        self.ledger.position[slot] = NOBODY

    def move(self) -> None:
        """Begin some steps of all images; `look` waits for them."""
        job, there = self._job, self.occupied() & (self.ledger.reason == 0)
        left = job.config.num_steps - self.ledger.steps[there]
        steps = min(STEPS_PER_LOOK, int(left.min()))
        state, info = advance(
            job.form,
            job.params,
            job.v_params,
            self._problem,
            self._state,
            self._settings,
            jnp.int32(steps),
        )
        self._state = settle(state, job.mesh, self._size)
        self._pending = info, steps

    def look(self, began: float) -> None:
        """Wait for the steps that were begun at the time ``began``, and note what they told."""
        assert self._pending is not None
        (info, moved), self._pending = self._pending, None
        ledger = self.ledger
        losses, guarded = np.asarray(info.loss), np.asarray(info.guarded)
        steps, reason = np.asarray(self._state.step), np.asarray(self._state.reason)
        for slot in np.flatnonzero(self.occupied()):
            before, after = int(ledger.steps[slot]), int(steps[slot])
            ledger.losses[slot, before:after] = losses[: after - before, slot]
            most = guarded[: after - before, slot].max(initial=0)
            ledger.guarded[slot] = max(ledger.guarded[slot], most)
        ledger.steps[:], ledger.reason[:] = steps, reason
        ledger.moved[...] += moved
        ledger.seconds[self.occupied()] += (time.perf_counter() - began) / self._size

    def done(self) -> list[int]:
        """Slots whose image is done."""
        return [int(slot) for slot in np.flatnonzero(self.occupied() & (self.ledger.reason > 0))]

    def try_of(self, slot: int) -> Try:
        """What the slot's image has come to, leaves without the axis of images."""
        state, ledger = self._state, self.ledger
        codes, loss, step = jax.tree.map(
            lambda leaf: np.asarray(leaf)[slot], (state.best, state.best_loss, state.best_step)
        )
        told = (ledger.losses, ledger.guarded, ledger.steps, ledger.reason)
        return Try(codes, loss, step, *(np.copy(array[slot]) for array in told))

    def snapshot(self) -> Snapshot:
        """All of it, as it is between two calls of the compiled loop."""
        leaves = tuple(np.copy(leaf) for leaf in jax.tree.leaves((self._state, self.ledger)))
        return Snapshot(
            int(self.ledger.moved),
            leaves,
            np.zeros((0, self._size), np.float32),
            np.zeros(self._size, np.int32),
            float(self.ledger.seconds.sum()),
        )

    def shapes(self) -> tuple[jax.ShapeDtypeStruct, ...]:
        """Of the leaves of a snapshot."""
        return shapes_of((self._state, self.ledger))

    def restore(self, snapshot: Snapshot, images: Mapping[int, Coming]) -> bool:
        """Go on where a snapshot was made; false, and nothing changed, where it is of other images.

        Args:
          snapshot: of a queue of this size and length.
          images: those of the occupied slots of the snapshot's ledger.

        """
        ledger = self.ledger_of(snapshot)
        for slot, image in images.items():
            key = self._key_of(image.observation, int(ledger.attempt[slot]))[0]
            if not np.array_equal(key, ledger.keys[slot]):
                return False
        self.ledger = ledger
        for slot, image in images.items():

            def put(held: np.ndarray, new: np.ndarray, slot: int = slot) -> None:
                held[slot] = new[0]

            jax.tree.map(put, self.observation, image.observation)
        self._begin()
        count = len(jax.tree.leaves(self._state))
        leaves = map(array_of, snapshot.leaves[:count])
        state = jax.tree.unflatten(jax.tree.structure(self._state), leaves)
        self._state = settle(state, self._job.mesh, self._size)
        return True

    def ledger_of(self, snapshot: Snapshot) -> Ledger:
        """The ledger in a snapshot."""
        count = len(jax.tree.leaves(self._state))
        leaves = [np.copy(leaf) for leaf in snapshot.leaves[count:]]
        return jax.tree.unflatten(jax.tree.structure(self.ledger), leaves)

    def _put(self, slot: int, position: int, attempt: int = 0) -> None:
        ledger = self.ledger
        ledger.position[slot], ledger.attempt[slot] = position, attempt
        ledger.losses[slot] = np.nan
        for array in (ledger.guarded, ledger.steps, ledger.reason):
            array[slot] = 0
        if attempt == 0:
            ledger.seconds[slot] = 0
            ledger.next[...] = max(int(ledger.next), position + 1)

    def _key_of(self, observation: Observation, attempt: int) -> np.ndarray:
        key = jax.random.fold_in(self._key, attempt) if attempt else self._key
        keys = image_keys(key, observation, self._job.form.operator)
        return np.asarray(jax.random.key_data(keys))

    def _begin(self) -> None:
        codes, seen = self._codes()
        job = self._job
        problem, state = start(
            job.form, job.v_params, codes, seen, jnp.asarray(job.masks), self._settings
        )
        self._problem, self._state = problem, settle(state, job.mesh, self._size)

    def _codes(self) -> tuple[Codes, Observation]:
        """Starting codes and observations of every slot; settings are brought up to date."""
        job, ledger, mesh = self._job, self.ledger, self._job.mesh
        second = ledger.attempt > 0
        usual, slower = job.config.solver.rates(), job.config.solver.slower(RESTART_DIVISOR)
        rates = jax.tree.map(lambda a, b: np.where(second, b, a), usual, slower)
        self._settings = shard_leading(traced(job.config, self._size, rates), mesh, self._size)
        seen, keys = shard_batch((jax.tree.map(jnp.asarray, self.observation), self.keys()), mesh)
        codes = draw_codes(
            job.form,
            job.params,
            job.v_params,
            keys,
            seen,
            jnp.asarray(job.masks),
            self._settings,
            codes_per_subspace=job.config.codes_per_subspace,
            num_candidates=job.config.num_candidates,
        )
        if self._starts is not None:
            given = self.occupied() & ~second
            places = np.maximum(ledger.position, 0)
            starts = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[places]), self._starts)
            codes = select(jnp.asarray(given), starts, codes)
        return shard_batch(codes, mesh), seen


def _nothing(job: Job, keys: np.ndarray, size: int, length: int) -> Ledger:
    """The ledger before an image has come."""
    config = job.config
    one = jax.tree.map(
        lambda leaf: np.zeros((size, *leaf.shape), leaf.dtype),
        code_shapes(job.form.cut, job.form.composition, job.masks, config.codes_per_subspace),
    )

    def whole() -> np.ndarray:
        return np.zeros(size, np.int32)

    def losses() -> np.ndarray:
        return np.full((size, config.num_steps), np.nan, np.float32)

    infinite = np.full(size, np.inf, np.float32)
    return Ledger(
        position=np.full(size, NOBODY, np.int32),
        attempt=whole(),
        keys=keys,
        losses=losses(),
        guarded=whole(),
        steps=whole(),
        reason=whole(),
        seconds=np.zeros(size),
        first=Try(one, infinite, whole(), losses(), whole(), whole(), whole()),
        next=np.zeros((), np.int32),
        skip=np.zeros(length, bool),
        moved=np.zeros((), np.int32),
    )
