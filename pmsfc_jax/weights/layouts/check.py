"""The one check that every layout makes: the arrays of a file are the wanted ones."""

from collections.abc import Mapping

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.layouts.axes import Shape, matches, shown


def check_arrays(arrays: Mapping[str, np.ndarray], wanted: Mapping[str, Shape]) -> None:
    """Check that the arrays are the wanted ones, no more and no fewer.

    Raises:
      InputError: they are not; every misfit is listed.

    """
    missing = [f"{name} {shown(shape)}" for name, shape in wanted.items() if name not in arrays]
    unused = [f"{name} {shown(arrays[name].shape)}" for name in arrays if name not in wanted]
    misshapen, unfit = [], []
    for name, shape in wanted.items():
        array = arrays.get(name)
        if array is None:
            continue
        if not matches(array.shape, shape):
            misshapen.append(f"{name} is {shown(array.shape)} and not {shown(shape)}")
        elif array.dtype.kind != "f" or not np.isfinite(array).all():
            unfit.append(name)
    faults = (
        ("missing", missing),
        ("not used by this layout", unused),
        ("of the wrong shape", misshapen),
        ("not finite floats", unfit),
    )
    if any(found for _, found in faults):
        text = "; ".join(f"{what}: {', '.join(found)}" for what, found in faults if found)
        raise InputError(f"the keys do not fit: {text}")
