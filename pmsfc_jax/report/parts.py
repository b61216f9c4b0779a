"""Pictures with one part after the other in light, the rest in shade."""

import numpy as np

from pmsfc_jax.report.sheet import comparison_sheet
from pmsfc_jax.tasks.edit.region import in_picture

#: Brightness of what does not belong to a part.
_SHADE = 0.2


def parts_sheet(pictures: np.ndarray, labels: np.ndarray, num_parts: int) -> np.ndarray:
    """A picture a row, a part a column.

    Args:
      pictures: ``[n, H, W, 3]`` uint8.
      labels: ``[n, h, w]``, the part of every position of the feature.
      num_parts: P.

    Returns:
      The sheet, ``[height, width, 3]`` uint8.

    """
    return comparison_sheet(
        [
            [picture, *(in_light(picture, own == number) for number in range(num_parts))]
            for picture, own in zip(pictures, labels, strict=True)
        ],
        column_titles=["picture", *(f"part {number}" for number in range(num_parts))],
        cell=128,
    )


def in_light(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    """A picture ``[H, W, 3]`` uint8 in shade but where ``where [h, w]`` is true."""
    light = np.where(in_picture(where[None], picture.shape[:2])[0, ..., None], 1.0, _SHADE)
    return np.asarray(np.rint(picture * light), np.uint8)
