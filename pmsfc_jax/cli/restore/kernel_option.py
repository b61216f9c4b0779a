"""``--kernel``: a shape with its numbers, or a file."""

from pathlib import Path

import numpy as np

from pmsfc_jax.api import degradations
from pmsfc_jax.core.errors import InputError


def parse_kernel(text: str) -> np.ndarray:
    """``gaussian:1.5``, ``motion:5:30``, ``disk:2``, or a file, as a kernel ``[k, k]``.

    Raises:
      InputError: it is none of these.

    """
    kind, *numbers = text.split(":")
    shapes = {"gaussian": 1, "motion": 2, "disk": 1}
    if kind not in shapes or Path(text).exists():
        if not Path(text).is_file():
            raise InputError(
                f"--kernel is {text!r}, which is no file: give one, or gaussian:SIGMA, "
                "motion:LENGTH:DEGREES or disk:RADIUS, in pixels"
            )
        return degradations.read_kernel(text)
    try:
        values = [float(number) for number in numbers]
        if len(values) != shapes[kind]:
            raise ValueError
    except ValueError as error:
        form = {"gaussian": "SIGMA", "motion": "LENGTH:DEGREES", "disk": "RADIUS"}[kind]
        raise InputError(f"--kernel is {text!r}: give {kind}:{form}, numbers in pixels") from error
    kernel: np.ndarray = getattr(degradations, kind)(*values)
    return kernel
