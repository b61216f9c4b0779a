"""K-means: restarts in batches, all of a batch at once, until the best was found often enough.

One restart is greedy k-means++ (Arthur and Vassilvitskii 2007), or a start that is given, followed
by Lloyd's iterations; where Lloyd's stops, single points move on to other clusters as long as that
lowers the inertia (Hartigan 1975), since every optimum of Hartigan's is one of Lloyd's but not the
reverse (Telgarsky and Vattani 2010). A cluster is never empty: it takes the point farthest from its
own centroid.

A least inertia that independent starts have reached several times is hardly beaten by a further
one, and the number of starts that takes depends on the points: some need ten, some thousands.

Axes: ``s`` restarts, ``n`` points, ``r`` clusters, ``d`` coordinates.
"""

from collections.abc import Sequence
from math import log
from typing import NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.masks import check_labels
from pmsfc_jax.core.typing import Key
from pmsfc_jax.subspace.numerics.checks import cluster_count

#: Restarts that go on at once.
BATCH = 50


class KMeansResult(NamedTuple):
    """The best of all restarts.

    Attributes:
      labels: ``[N]`` int32 in 0..R-1, every cluster nonempty.
      centroids: ``[R, D]``, the means of the clusters.
      inertia: the sum of squared distances to the centroids.
      converged: whether the best restart settled within the allowed steps.
      num_steps: the steps of the best restart.
      restart_inertias: of every restart that was made, in order.
      times_found: how many of them ended at the least inertia, up to rounding.
    """

    labels: np.ndarray
    centroids: np.ndarray
    inertia: float
    converged: bool
    num_steps: int
    restart_inertias: np.ndarray
    times_found: int


class _Settled(NamedTuple):
    """Where restarts ended: ``[s, n]``, ``[s, r, d]``, ``[s]``, ``[s]``, ``[s]``."""

    labels: np.ndarray
    centroids: np.ndarray
    inertia: np.ndarray
    converged: np.ndarray
    num_steps: np.ndarray


def kmeans(
    points: ArrayLike,
    num_clusters: int,
    *,
    key: Key,
    starts: Sequence[ArrayLike] = (),
    num_restarts: int = 1000,
    enough: int | None = None,
    max_steps: int = 1000,
) -> KMeansResult:
    """Partition ``points [N, D]`` into clusters of least inertia ``sum_n ||x_n - c_{label n}||^2``.

    What restart ``i`` draws depends on the key and ``i`` alone, so more restarts with the same key
    never end higher.

    Args:
      points: ``[N, D]`` floats; the work is done in their dtype.
      num_clusters: R, 1 to N.
      key: a jax random key.
      starts: labels ``[N]`` to begin the first restarts with, in the place of drawn ones.
      num_restarts: how many starts to try at most, at least 1.
      enough: stop after the batch of restarts by which the least inertia was found this often; None
        makes all of them.
      max_steps: limit on the steps of one restart.

    Raises:
      InputError: points that are not finite floats ``[N, D]``, starts that are no partition of
        them, more clusters than points, or a count below 1.
    """
    values = _checked(points)
    count = cluster_count(num_clusters, len(values), "num_clusters", "points")
    most = positive_int(num_restarts, "num_restarts")
    steps = positive_int(max_steps, "max_steps")
    wanted = most + 1 if enough is None else positive_int(enough, "enough")
    # Distances are taken as |x|^2 - 2xc + |c|^2, which cancels least around the mean.
    offset = values.mean(axis=0)
    centred = values - offset
    given = [_given(centred, labels, count) for labels in starts]

    # Sums that differ by less are equal up to their rounding.
    noise = 100 * np.finfo(values.dtype).eps * float(np.square(centred).sum())
    best: tuple[float, _Settled, int] | None = None
    inertias: list[float] = []
    for batch in range(-(-most // BATCH)):
        seeds = _plus_plus(centred, _draws(key, batch, count).astype(values.dtype))
        if batch == 0 and given:
            seeds[: len(given)] = given[:BATCH]
        ends = _settle(centred, seeds[: most - batch * BATCH], steps)
        inertias += ends.inertia.tolist()
        first = int(np.argmin(ends.inertia))
        if best is None or ends.inertia[first] < best[0]:
            best = float(ends.inertia[first]), ends, first
        if np.count_nonzero(np.array(inertias) <= best[0] + noise) >= wanted:
            break
    assert best is not None
    inertia, ends, index = best
    return KMeansResult(
        labels=ends.labels[index].astype(np.int32),
        centroids=ends.centroids[index] + offset,
        inertia=inertia,
        converged=bool(ends.converged[index]),
        num_steps=int(ends.num_steps[index]),
        restart_inertias=np.array(inertias),
        times_found=int(np.count_nonzero(np.array(inertias) <= inertia + noise)),
    )


def _checked(points: ArrayLike) -> np.ndarray:
    values = np.asarray(points)
    if values.ndim != 2 or values.shape[1] < 1 or values.dtype.kind != "f":
        raise InputError(
            f"the points have shape {values.shape} and dtype {values.dtype}: expected floats [N, D]"
        )
    if not np.all(np.isfinite(values)):
        raise InputError("the points are not all finite: clustering needs finite numbers")
    return values


def _given(points: np.ndarray, labels: ArrayLike, num_clusters: int) -> np.ndarray:
    """The centroids ``[r, d]`` of a start."""
    checked = check_labels(labels, num_clusters)
    if len(checked) != len(points):
        raise InputError(f"a start has {len(checked)} labels: expected one for each point")
    return _means(points, checked[None], num_clusters)[0]


def _draws(key: Key, batch: int, num_clusters: int) -> np.ndarray:
    """Uniform ``[BATCH, r, draws]`` in [0, 1), as many draws as the authors of k-means++ tried."""
    words = np.asarray(jax.random.key_data(key)).ravel().tolist()
    return np.random.default_rng([*words, batch]).random(
        (BATCH, num_clusters, 2 + int(log(num_clusters)))
    )


def _settle(points: np.ndarray, seeds: np.ndarray, max_steps: int) -> _Settled:
    """Restarts from centroids ``[s, r, d]`` to where no step lowers the inertia any more."""
    num_restarts, num_clusters = seeds.shape[:2]
    labels = np.full((num_restarts, len(points)), -1)
    centroids = seeds.copy()
    converged = np.zeros(num_restarts, bool)
    num_steps = np.zeros(num_restarts, int)
    # Gains below the rounding of the distances are noise and could go round in circles.
    noise = 10 * np.finfo(points.dtype).eps * float(np.square(points).sum())
    going = np.arange(num_restarts)
    for _ in range(max_steps):
        moved, done = _step(points, labels[going], centroids[going], noise)
        labels[going] = moved
        centroids[going] = _means(points, moved, num_clusters)
        converged[going] = done
        num_steps[going] += 1
        going = going[~done]
        if not going.size:
            break
    # By differences, exact to rounding.
    away = points[None] - np.take_along_axis(centroids, labels[:, :, None], axis=1)
    return _Settled(labels, centroids, np.square(away).sum((1, 2)), converged, num_steps)


def _step(
    points: np.ndarray, labels: np.ndarray, centroids: np.ndarray, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """A Lloyd step of each restart, or where that changes nothing the best move of one point.

    Returns:
      New labels ``[s, n]``, and whether neither lowers the inertia.
    """
    distances = _squared_distances(points, centroids)
    lloyd = assign(distances)
    stuck = np.flatnonzero((lloyd == labels).all(axis=1))
    done = np.zeros(len(labels), bool)
    if stuck.size:
        # When Lloyd's is stuck its labels are the current ones, and the centroids are their means.
        single, gain = best_single_moves(distances[stuck], lloyd[stuck])
        better = gain > noise
        lloyd[stuck[better]] = single[better]
        done[stuck] = ~better
    return lloyd, done


def best_single_moves(distances: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels after the single move that lowers the inertia most, and by how much.

    Moving x from a cluster of n points with centroid a to one of m points with centroid b changes
    the inertia by ``m / (m + 1) ||x - b||^2 - n / (n - 1) ||x - a||^2``; singletons stay.

    Args:
      distances: squared, ``[s, r, n]``.
      labels: ``[s, n]``.
    """
    num_restarts, num_clusters, num_points = distances.shape
    counts = _counts(labels, num_clusters).astype(distances.dtype)
    own_count = np.take_along_axis(counts, labels, axis=1)
    own = np.take_along_axis(distances, labels[:, None, :], axis=1)[:, 0]
    saved = np.where(own_count > 1, own * own_count / np.maximum(own_count - 1, 1), 0)
    gains = saved[:, None, :] - distances * (counts / (counts + 1))[:, :, None]
    np.put_along_axis(gains, labels[:, None, :], -np.inf, axis=1)
    flat = gains.reshape(num_restarts, -1)
    best = flat.argmax(axis=1)
    rows = np.arange(num_restarts)
    moved = labels.copy()
    moved[rows, best % num_points] = best // num_points
    return moved, flat[rows, best]


def assign(distances: np.ndarray) -> np.ndarray:
    """Labels ``[s, n]`` of the nearest centroids; an empty cluster takes the farthest point.

    The point comes from a cluster that has others, so that none becomes empty in turn.

    Args:
      distances: squared, ``[s, r, n]``.
    """
    labels = distances.argmin(axis=1)
    counts = _counts(labels, distances.shape[1])
    for restart in np.flatnonzero((counts == 0).any(axis=1)):
        own, number = labels[restart], counts[restart]
        nearest = distances[restart].min(axis=0)
        while not number.all():
            empty = int(np.argmin(number))
            point = int(np.argmax(np.where(number[own] > 1, nearest, -np.inf)))
            number[own[point]] -= 1
            number[empty] += 1
            own[point], nearest[point] = empty, 0
    return labels


def _plus_plus(points: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Greedy k-means++ seeds ``[s, r, d]``: each the best of a few draws in proportion to distance.

    Args:
      points: ``[n, d]``.
      uniforms: ``[s, r, draws]`` in [0, 1).
    """
    num_points, (num_restarts, num_clusters, _) = len(points), uniforms.shape
    seeds = np.empty((num_restarts, num_clusters, points.shape[1]), points.dtype)
    seeds[:, 0] = points[np.minimum(uniforms[:, 0, 0] * num_points, num_points - 1).astype(int)]
    nearest = _squared_distances(points, seeds[:, :1])[:, 0]
    rows = np.arange(num_restarts)
    for index in range(1, num_clusters):
        mass = nearest.cumsum(axis=1)
        targets = uniforms[:, index] * mass[:, -1:]
        drawn = (mass[:, None, :] <= targets[:, :, None]).sum(axis=-1)
        candidates = points[np.minimum(drawn, num_points - 1)]
        reach = np.minimum(nearest[:, None, :], _squared_distances(points, candidates))
        best = reach.sum(axis=-1).argmin(axis=1)
        seeds[:, index], nearest = candidates[rows, best], reach[rows, best]
    return seeds


def _squared_distances(points: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """``||x_n - c_r||^2``, ``[s, r, n]``."""
    cross = (centroids.reshape(-1, points.shape[1]) @ points.T).reshape(*centroids.shape[:2], -1)
    squares = np.square(centroids).sum(axis=-1)[:, :, None] + np.square(points).sum(axis=1)
    return np.maximum(squares - 2 * cross, 0)


def _counts(labels: np.ndarray, num_clusters: int) -> np.ndarray:
    """Number of points of each cluster, ``[s, r]``."""
    shifted = labels + num_clusters * np.arange(len(labels))[:, None]
    counts = np.bincount(shifted.ravel(), minlength=num_clusters * len(labels))
    return counts.reshape(-1, num_clusters)


def _means(points: np.ndarray, labels: np.ndarray, num_clusters: int) -> np.ndarray:
    """Centroids ``[s, r, d]`` of clusters that are all nonempty."""
    members = labels[:, None, :] == np.arange(num_clusters)[None, :, None]
    sums = members.reshape(-1, len(points)).astype(points.dtype) @ points
    counts = members.sum(axis=-1)[:, :, None].astype(points.dtype)
    return sums.reshape(*members.shape[:2], -1) / counts
