"""Parts in light."""

import numpy as np

from pmsfc_jax.report.parts import in_light, parts_sheet


def test_a_part_is_in_light_and_the_rest_in_shade():
    picture = np.full((6, 4, 3), 100, np.uint8)
    where = np.array([[True, False], [False, False], [False, True]])
    found = in_light(picture, where)
    assert (
        found.tolist()
        == np.repeat(np.where(where, 100, 20).repeat(2, 0).repeat(2, 1)[..., None], 3, -1).tolist()
    )


def test_a_row_a_picture():
    sheet = parts_sheet(np.zeros((2, 8, 8, 3), np.uint8), np.zeros((2, 4, 4), int), 2)
    assert sheet.shape[1] > 3 * 128
    assert sheet.shape[0] > 2 * 128
