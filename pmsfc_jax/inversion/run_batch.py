"""One batch from its starting codes, or from where it was stopped, to its last step."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.inversion.compose import Codes
from pmsfc_jax.inversion.initialise import draw_codes
from pmsfc_jax.inversion.optimise import Setting, advance, start, steps_per_call
from pmsfc_jax.inversion.resume import Resume, Snapshot, Stopped, batch_name
from pmsfc_jax.parallel.mesh import shard_batch, shard_leading


class Job(NamedTuple):
    """What all batches of an inversion share.

    Attributes:
      setting: what the compiled step depends on.
      params: the generator's weights, on every device of ``mesh``.
      v_params: those of V, likewise.
      v_name: what V is called.
      masks: ``[R, C]``.
      mesh: the devices over which a batch is split.
      resume: where to keep what is in progress.
      should_stop: asked between compiled loops.

    """

    setting: Setting
    params: Params
    v_params: Params
    v_name: str
    masks: np.ndarray
    mesh: Mesh
    resume: Resume | None
    should_stop: Callable[[], bool]


class Outcome(NamedTuple):
    """Of each of the ``b`` images: the codes of its lowest loss, and how it got there.

    ``name`` is that of the batch where a `Resume` keeps it.
    """

    z: np.ndarray
    w: np.ndarray
    best_loss: np.ndarray
    best_step: np.ndarray
    losses: np.ndarray
    guarded: np.ndarray
    seconds: float
    name: str


def run_batch(
    job: Job,
    keys: Key,
    targets: np.ndarray,
    *,
    codes: Codes | None = None,
    on_step: Callable[[int, np.ndarray], None] = lambda step, losses: None,
    keep: Callable[[np.ndarray], bool] = lambda losses: False,
) -> Outcome:
    """Invert ``targets [b, H, W, 3]``; ``b`` is a multiple of the number of devices.

    Args:
      job: what all batches share.
      keys: ``[b]``, of each image.
      targets: in [-1, 1].
      codes: to start from, of each image; by default they are drawn.
      on_step: told the steps done and the latest losses ``[b]`` after every compiled loop.
      keep: given the losses ``[num_steps, b]``, whether the finished batch has to be kept, too.

    Raises:
      Stopped: ``job.should_stop()`` was true; the state was given to ``job.resume``.

    """
    setting, mesh, resume = job.setting, job.mesh, job.resume
    config = setting.config
    began = time.perf_counter()
    name = batch_name(setting, job.masks, keys, job.v_name, codes)
    masks = jnp.asarray(job.masks)
    target, keys = shard_batch((jnp.asarray(targets), keys), mesh)
    if codes is None:
        codes = draw_codes(setting, job.params, job.v_params, keys, target, masks)
    codes = shard_batch(codes, mesh)
    problem, state = start(setting, job.v_params, codes, target, masks)
    step, losses, guarded = 0, [], np.zeros(len(targets), np.int32)
    if resume is not None:
        snapshot = resume.load(name, _shapes(state))
        if snapshot is not None:
            state = jax.tree.unflatten(jax.tree.structure(state), map(_array, snapshot.leaves))
            step, losses, guarded = snapshot.step, [snapshot.losses], snapshot.guarded
            began -= snapshot.seconds
    state = _settle(state, mesh, len(targets))

    def save() -> None:
        if resume is not None and step:
            leaves = tuple(map(np.asarray, jax.tree.leaves(state)))
            so_far = time.perf_counter() - began
            resume.save(name, Snapshot(step, leaves, np.concatenate(losses), guarded, so_far))

    chunk = steps_per_call(config.num_steps)
    while step < config.num_steps:
        if job.should_stop():
            save()
            raise Stopped
        if step and resume is not None and resume.due():
            save()
        state, info = advance(setting, job.params, job.v_params, problem, state, jnp.int32(step))
        state = _settle(state, mesh, len(targets))
        losses.append(np.asarray(info.loss))
        guarded = np.maximum(guarded, np.asarray(info.guarded).max(axis=0))
        step += chunk
        on_step(step, losses[-1][-1])
    curves = np.concatenate(losses)
    if keep(curves):
        save()
    z, w = (np.asarray(leaf) for leaf in state.best)
    return Outcome(
        z=z,
        w=w,
        best_loss=np.asarray(state.best_loss),
        best_step=np.asarray(state.best_step),
        losses=curves,
        guarded=guarded,
        seconds=time.perf_counter() - began,
        name=name,
    )


def _settle(state: Any, mesh: Mesh, count: int) -> Any:
    """The state with the types and the placement that every call of the compiled loop is given.

    Where the loop starts, some leaves are weakly typed; later, and after a resume, none is. Without
    this there would be a second compilation.
    """
    strong = jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, leaf.dtype), state)
    return shard_leading(strong, mesh, count)


def _shapes(state: Any) -> tuple[jax.ShapeDtypeStruct, ...]:
    return tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(state))


def _array(leaf: np.ndarray) -> Array:
    # A copy of jax's own: the loop gives its memory away, and numpy's must not be.
    return jnp.array(leaf, copy=True)
