"""Where each array of a checkpoint goes, as a list that a layout writes down and nothing else."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.core.typing import Params
from pmsfc_jax.weights.layouts.axes import Shape, expected_shape, find_size, reorder
from pmsfc_jax.weights.layouts.check import check_arrays


class Place(NamedTuple):
    """One array on its way.

    Attributes:
      name: in the file.
      axes: as stored; see `axes`. ``1`` is an axis of one element.
      order: our axes, the letters of ``axes`` without some of size 1.
      sizes: of each letter, ``None`` where nothing tells.
      path: in our params.
      scale: factor, multiplied in float64.

    """

    name: str
    axes: str
    order: str
    sizes: Mapping[str, int | None]
    path: tuple[str, ...]
    scale: float = 1.0

    @property
    def shape(self) -> Shape:
        """As stored."""
        return expected_shape(self.axes, {"1": 1, **self.sizes})


def fill(
    arrays: Mapping[str, np.ndarray],
    places: Iterable[Place],
    others: Mapping[str, Shape],
    change: Callable[[str, np.ndarray], np.ndarray] = lambda name, array: array,
) -> Params:
    """Take every array exactly once, in its place.

    Args:
      arrays: of the file.
      places: of those that become params.
      others: shapes of those that do not, or not by themselves.
      change: ``(name, array in float64) -> array``, of the same shape: what is done to an array
        once all are known to be sound.

    Raises:
      InputError: arrays are missing, unused, misshapen, or not finite; all of them are listed.

    """
    places = tuple(places)
    check_arrays(arrays, dict(others) | {place.name: place.shape for place in places})
    params: Params = {}
    for place in places:
        array = change(place.name, arrays[place.name].astype(np.float64))
        sizes = {"1": 1} | {letter: size or 0 for letter, size in place.sizes.items()}
        put(params, place.path, place.scale * reorder(array, place.axes, place.order, sizes))
    return params


def put(params: Params, path: tuple[str, ...], array: np.ndarray) -> None:
    """Put an array into nested params, as float32."""
    node: dict[str, Any] = params
    for name in path[:-1]:
        node = node.setdefault(name, {})
    node[path[-1]] = np.ascontiguousarray(array, np.float32)


def side_of(
    arrays: Mapping[str, np.ndarray],
    name: str,
    axes: str,
    letter: str,
    sizes: Mapping[str, int | None] | None = None,
) -> int | None:
    """Size of one axis of a stored array; ``None`` where it is absent or cannot tell."""
    array = arrays.get(name)
    return (
        None if array is None else find_size(axes, letter, array.shape, {"1": 1, **(sizes or {})})
    )
