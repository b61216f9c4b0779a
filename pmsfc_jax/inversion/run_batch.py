"""One batch from its starting codes, or from where it was stopped, to its last step."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from pmsfc_jax.core.operator import Observation
from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.form import Form, traced
from pmsfc_jax.inversion.initialise import draw_codes
from pmsfc_jax.inversion.misfit import Info
from pmsfc_jax.inversion.optimise import STEPS_PER_CALL, advance, start
from pmsfc_jax.inversion.result import Perceptual
from pmsfc_jax.inversion.resume import Resume, Snapshot, Stopped, batch_name
from pmsfc_jax.inversion.solvers import Rates
from pmsfc_jax.parallel.mesh import shard_batch, shard_leading


class Job(NamedTuple):
    """What all batches of an inversion share.

    Attributes:
      config: the settings.
      form: what the compiled programs depend on.
      params: the generator's weights, on every device of ``mesh``.
      perceptual: V, its weights likewise, or ``None``.
      masks: ``[R, C]``.
      mesh: the devices over which a batch is split.
      resume: where to keep what is in progress.
      should_stop: asked between compiled loops.

    """

    config: InversionConfig
    form: Form
    params: Params
    perceptual: Perceptual | None
    masks: np.ndarray
    mesh: Mesh
    resume: Resume | None
    should_stop: Callable[[], bool]

    @property
    def v_params(self) -> Params:
        """Weights of V; none where there is no V."""
        return {} if self.perceptual is None else self.perceptual.params

    def facts(self, rates: Rates) -> tuple[object, ...]:
        """What decides an outcome besides arrays, for `batch_name`."""
        spec, v = self.form.cut.generator.spec, self.perceptual
        judge = () if v is None else (v.name, v.identity)
        operator = (self.form.operator.name, self.form.operator.settings)
        weights = (spec.name, spec.identity, self.form.cut.layer)
        return (weights, self.config, rates, self.masks.shape, judge, operator)


class Outcome(NamedTuple):
    """Of each of the ``b`` images: the codes of its lowest loss, and how it got there.

    ``name`` is that of the batch where a `Resume` keeps it.
    """

    codes: Codes
    best_loss: np.ndarray
    best_step: np.ndarray
    losses: np.ndarray
    guarded: np.ndarray
    steps: np.ndarray
    reason: np.ndarray
    seconds: float
    name: str


def run_batch(
    job: Job,
    keys: Key,
    observation: Observation,
    *,
    rates: Rates | None = None,
    codes: Codes | None = None,
    on_step: Callable[[int, np.ndarray], None] = lambda step, losses: None,
    keep: Callable[[np.ndarray], bool] = lambda losses: False,
) -> Outcome:
    """Invert ``b`` images; ``b`` is a multiple of the number of devices.

    Args:
      job: what all batches share.
      keys: ``[b]``, of each image.
      observation: leaves ``[b, ...]``.
      rates: of the solver; by default those of the settings.
      codes: to start from, of each image; by default they are drawn.
      on_step: told the steps done and the latest losses ``[b]`` after every compiled loop.
      keep: given the losses ``[num_steps, b]``, whether the finished batch has to be kept, too.

    Raises:
      Stopped: ``job.should_stop()`` was true; the state was given to ``job.resume``.

    """
    config, form, mesh, resume = job.config, job.form, job.mesh, job.resume
    began, count = time.perf_counter(), len(observation.target)
    rates = config.solver.rates() if rates is None else rates
    name = batch_name(job.facts(rates), job.masks, keys, codes)
    masks = jnp.asarray(job.masks)
    settings = shard_leading(traced(config, count, rates), mesh, count)
    seen, keys = shard_batch((jax.tree.map(jnp.asarray, observation), keys), mesh)
    if codes is None:
        codes = draw_codes(
            form,
            job.params,
            job.v_params,
            keys,
            seen,
            masks,
            settings,
            codes_per_subspace=config.codes_per_subspace,
            num_candidates=config.num_candidates,
        )
    problem, state = start(form, job.v_params, shard_batch(codes, mesh), seen, masks, settings)
    told = _Told(count)
    if resume is not None:
        snapshot = resume.load(name, shapes_of(state))
        if snapshot is not None:
            state = jax.tree.unflatten(jax.tree.structure(state), map(array_of, snapshot.leaves))
            told = _Told(count, snapshot)
            began -= snapshot.seconds
    state = settle(state, mesh, count)

    def save() -> None:
        if resume is not None and told.step:
            leaves = tuple(map(np.asarray, jax.tree.leaves(state)))
            so_far = time.perf_counter() - began
            resume.save(name, Snapshot(told.step, leaves, told.losses(), told.guarded, so_far))

    step, pending = told.step, None
    while step < config.num_steps:
        if job.should_stop():
            told.fetch(pending, on_step)
            save()
            raise Stopped
        if step and resume is not None and resume.due():
            told.fetch(pending, on_step)
            pending = None
            save()
        steps = min(STEPS_PER_CALL, config.num_steps - step)
        state, info = advance(
            form,
            job.params,
            job.v_params,
            problem,
            state,
            settings,
            jnp.int32(steps),
        )
        state = settle(state, mesh, count)
        # What the call before told is fetched while this one runs: a device never waits for the
        # host, and the host is never more than one call ahead.
        told.fetch(pending, on_step)
        pending, step = (info, steps), step + steps
    told.fetch(pending, on_step)
    if keep(told.losses()):
        save()
    return Outcome(
        codes=jax.tree.map(np.asarray, state.best),
        best_loss=np.asarray(state.best_loss),
        best_step=np.asarray(state.best_step),
        losses=told.losses(),
        guarded=told.guarded,
        steps=np.asarray(state.step),
        reason=np.asarray(state.reason),
        seconds=time.perf_counter() - began,
        name=name,
    )


class _Told:
    """What the steps of a batch have told so far."""

    def __init__(self, count: int, snapshot: Snapshot | None = None):
        self.step = 0 if snapshot is None else snapshot.step
        self._losses = [] if snapshot is None else [snapshot.losses]
        self.guarded = np.zeros(count, np.int32) if snapshot is None else snapshot.guarded

    def fetch(
        self,
        pending: tuple[Info, int] | None,
        on_step: Callable[[int, np.ndarray], None],
    ) -> None:
        """Wait for a call's diagnostics, and tell of them."""
        if pending is None:
            return
        info, steps = pending
        self._losses.append(np.asarray(info.loss)[:steps])
        self.guarded = np.maximum(self.guarded, np.asarray(info.guarded)[:steps].max(axis=0))
        self.step += steps
        on_step(self.step, self._losses[-1][-1])

    def losses(self) -> np.ndarray:
        """``[step, b]``."""
        return np.concatenate(self._losses)


def settle(state: Any, mesh: Mesh, count: int) -> Any:
    """The state with the types and the placement that every call of the compiled loop is given.

    Where the loop starts, some leaves are weakly typed; later, and after a resume, none is. Without
    this there would be a second compilation.
    """
    strong = jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, leaf.dtype), state)
    return shard_leading(strong, mesh, count)


def shapes_of(state: Any) -> tuple[jax.ShapeDtypeStruct, ...]:
    """Of the arrays of a state, in the order of `jax.tree.leaves`."""
    return tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(state))


def array_of(leaf: np.ndarray) -> Array:
    """An array that was kept, on the device."""
    # A copy of jax's own: the loop gives its memory away, and numpy's must not be.
    return jnp.array(leaf, copy=True)
