"""K-means: one problem written once, restarts by `jax.vmap`, the best by inertia.

One restart is greedy k-means++ (Arthur and Vassilvitskii 2007) followed by Lloyd's iterations;
where Lloyd's stops, single points move on to other clusters as long as that lowers the inertia
(Hartigan 1975), since every optimum of Hartigan's is one of Lloyd's but not the reverse (Telgarsky
and Vattani 2010). A cluster is never empty: it takes the point farthest from its own centroid.
"""

from functools import partial
from math import log
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike, DTypeLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Key
from pmsfc_jax.subspace.numerics.checks import cluster_count


class KMeansState(NamedTuple):
    """What one restart carries from step to step.

    Attributes:
      labels: ``[N]`` int32, every cluster nonempty; -1 before the first step.
      centroids: ``[R, D]``, the means of the clusters; the seeds before the first step.
      settled: bool, neither a Lloyd step nor a single move lowers the inertia any more.
      num_steps: int32.
    """

    labels: Array
    centroids: Array
    settled: Array
    num_steps: Array


class KMeansResult(NamedTuple):
    """The best of all restarts.

    Attributes:
      labels: ``[N]`` int32 in 0..R-1, every cluster nonempty.
      centroids: ``[R, D]``, the means of the clusters.
      inertia: scalar, the sum of squared distances to the centroids.
      converged: bool, whether the best restart settled within the allowed steps.
      num_steps: int32, the steps of the best restart.
      restart_inertias: ``[num_restarts]``, of every restart.
    """

    labels: Array
    centroids: Array
    inertia: Array
    converged: Array
    num_steps: Array
    restart_inertias: Array


def kmeans(
    points: ArrayLike,
    num_clusters: int,
    *,
    key: Key,
    num_restarts: int = 100,
    max_steps: int = 1000,
) -> KMeansResult:
    """Partition ``points [N, D]`` into clusters of least inertia ``sum_n ||x_n - c_{label n}||^2``.

    What restart ``i`` draws depends on the key and ``i`` alone (with jax's default generator), so
    more restarts with the same key never end higher.

    Args:
      points: ``[N, D]`` floats; the work is done in their dtype.
      num_clusters: R, 1 to N.
      key: a jax random key.
      num_restarts: how many starts to try, at least 1; all run at once.
      max_steps: limit on the steps of one restart.

    Raises:
      InputError: points that are not finite floats ``[N, D]``, more clusters than points, or a
        count below 1.
    """
    points = jnp.asarray(points)
    is_float = jnp.issubdtype(points.dtype, jnp.floating)
    if points.ndim != 2 or points.shape[1] < 1 or not is_float:
        raise InputError(
            f"the points have shape {points.shape} and dtype {points.dtype}: expected floats [N, D]"
        )
    if not np.all(np.isfinite(np.asarray(points))):
        raise InputError("the points are not all finite: clustering needs finite numbers")
    return _best_of_restarts(
        points,
        key,
        cluster_count(num_clusters, points.shape[0], "num_clusters", "points"),
        positive_int(num_restarts, "num_restarts"),
        np.int32(positive_int(max_steps, "max_steps")),
    )


@partial(jax.jit, static_argnames=("num_clusters", "num_restarts"))
def _best_of_restarts(
    points: Array, key: Key, num_clusters: int, num_restarts: int, max_steps: Array
) -> KMeansResult:
    # Distances are taken as |x|^2 - 2xc + |c|^2, which cancels least around the mean.
    offset = jnp.mean(points, axis=0, keepdims=True)
    centred = points - offset

    # All restarts from one draw, which compiles in half the time of a key each; row i is restart i.
    # As many candidates a seed as the authors of k-means++ tried.
    shape = (num_restarts, num_clusters, 2 + int(log(num_clusters)))
    uniforms = jax.random.uniform(key, shape, points.dtype)

    def restart(uniforms: Array) -> tuple[KMeansState, Array]:
        state = _solve_once(centred, uniforms, max_steps)
        # By differences, exact to rounding.
        return state, jnp.sum((centred - state.centroids[state.labels]) ** 2)

    states, inertias = jax.vmap(restart)(uniforms)
    best = jnp.argmin(inertias)
    state = jax.tree.map(lambda leaf: leaf[best], states)
    return KMeansResult(
        labels=state.labels,
        centroids=state.centroids + offset,
        inertia=inertias[best],
        converged=state.settled,
        num_steps=state.num_steps,
        restart_inertias=inertias,
    )


def _solve_once(points: Array, uniforms: Array, max_steps: Array) -> KMeansState:
    """One restart, from its random numbers ``[R, draws]`` in [0, 1) to the labels it settles at."""
    start = KMeansState(
        labels=jnp.full(points.shape[0], -1, jnp.int32),
        centroids=_plus_plus(points, uniforms),
        settled=jnp.asarray(False),
        num_steps=jnp.int32(0),
    )
    return lax.while_loop(
        lambda state: ~state.settled & (state.num_steps < max_steps),
        lambda state: _step(points, state),
        start,
    )


def _step(points: Array, state: KMeansState) -> KMeansState:
    """A Lloyd step, or where that changes nothing the best move of a single point."""
    distances = _squared_distances(points, state.centroids)
    lloyd = _assign(distances)
    stuck = jnp.all(lloyd == state.labels)
    # When Lloyd's is stuck its labels are the current ones, and the centroids are their means.
    single, gain = _best_single_move(distances, lloyd)
    # Gains below the rounding of the distances are noise and could go round in circles.
    noise = 10 * jnp.finfo(points.dtype).eps * jnp.sum(points**2)
    labels = jnp.where(stuck & (gain > noise), single, lloyd)
    return KMeansState(
        labels=labels,
        centroids=_means(points, labels, state.centroids.shape[0]),
        settled=stuck & (gain <= noise),
        num_steps=state.num_steps + jnp.int32(1),
    )


def _best_single_move(distances: Array, labels: Array) -> tuple[Array, Array]:
    """Labels after the single move that lowers the inertia most, and by how much.

    Moving x from a cluster of n points with centroid a to one of m points with centroid b changes
    the inertia by ``m / (m + 1) ||x - b||^2 - n / (n - 1) ||x - a||^2``; singletons stay.
    """
    num_points, num_clusters = distances.shape
    counts = _counts(labels, num_clusters, distances.dtype)
    own_count = counts[labels]
    own = jnp.take_along_axis(distances, labels[:, None], axis=1)[:, 0]
    saved = jnp.where(own_count > 1, own * own_count / jnp.maximum(own_count - 1, 1), 0)
    added = distances * (counts / (counts + 1))[None, :]
    is_own = labels[:, None] == jnp.arange(num_clusters, dtype=labels.dtype)[None, :]
    gains = jnp.where(is_own, -jnp.inf, saved[:, None] - added)
    best = jnp.argmax(gains)
    point, cluster = best // num_clusters, best % num_clusters
    moved = jnp.where(jnp.arange(num_points) == point, cluster.astype(labels.dtype), labels)
    return moved, gains.reshape(-1)[best]


def _assign(distances: Array) -> Array:
    """Labels ``[N]`` of the nearest centroids; an empty cluster takes the farthest point.

    The point comes from a cluster that has others, so that none becomes empty in turn.
    """
    num_clusters = distances.shape[1]
    labels = jnp.argmin(distances, axis=1).astype(jnp.int32)
    counts = _counts(labels, num_clusters, jnp.int32)
    carry = (labels, counts, jnp.min(distances, axis=1))

    def fill(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        labels, counts, distance = carry
        empty = jnp.argmin(counts).astype(labels.dtype)
        point = jnp.argmax(jnp.where(counts[labels] > 1, distance, -jnp.inf))
        counts = counts.at[labels[point]].add(-1).at[empty].add(1)
        return labels.at[point].set(empty), counts, distance.at[point].set(0)

    return lax.while_loop(lambda carry: jnp.any(carry[1] == 0), fill, carry)[0]


def _plus_plus(points: Array, uniforms: Array) -> Array:
    """Greedy k-means++ seeds ``[R, D]``: each the best of a few draws in proportion to distance."""
    num_points, num_clusters = points.shape[0], uniforms.shape[0]

    def draw(mass: Array, uniform: Array) -> Array:
        index = jnp.searchsorted(mass, uniform * mass[-1], side="right", method="compare_all")
        return points[jnp.minimum(index, num_points - 1)]

    first = draw(jnp.cumsum(jnp.ones_like(points[:, 0])), uniforms[0, :1])
    seeds = jnp.zeros((num_clusters, points.shape[1]), points.dtype).at[0].set(first[0])

    def add(index: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        seeds, nearest = carry
        candidates = draw(jnp.cumsum(nearest), uniforms[index])
        reach = jnp.minimum(nearest[None, :], _squared_distances(candidates, points))
        best = jnp.argmin(jnp.sum(reach, axis=1))
        return seeds.at[index].set(candidates[best]), reach[best]

    nearest = _squared_distances(points, first)[:, 0]
    return lax.fori_loop(jnp.int32(1), jnp.int32(num_clusters), add, (seeds, nearest))[0]


def _squared_distances(points: Array, centroids: Array) -> Array:
    """``||x_n - c_r||^2``, ``[N, R]``."""
    cross = jnp.matmul(points, centroids.T, precision=lax.Precision.HIGHEST)
    squares = jnp.sum(points**2, axis=1)[:, None] + jnp.sum(centroids**2, axis=1)[None, :]
    return jnp.maximum(squares - 2 * cross, 0)


def _counts(labels: Array, num_clusters: int, dtype: DTypeLike) -> Array:
    """Number of points of each cluster, ``[R]``."""
    return jnp.sum(jax.nn.one_hot(labels, num_clusters, dtype=dtype), axis=0)


def _means(points: Array, labels: Array, num_clusters: int) -> Array:
    """Centroids ``[R, D]`` of clusters that are all nonempty."""
    members = jax.nn.one_hot(labels, num_clusters, dtype=points.dtype)
    sums = jnp.matmul(members.T, points, precision=lax.Precision.HIGHEST)
    return sums / jnp.sum(members, axis=0)[:, None]
