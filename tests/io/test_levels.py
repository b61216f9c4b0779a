"""Values of no stated range: a range that fits almost all of them, and no cliffs."""

import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.io.images import load_photograph

SIDE = 40


def load(tmp_path, values, suffix="tif"):
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(values).save(path)
    return load_photograph(path, values.shape)


def ramp(low, high, dtype=np.float32):
    return np.linspace(low, high, SIDE * SIDE).reshape(SIDE, SIDE).astype(dtype)


def outlier(values, value):
    """The same with one value in a hundred changed."""
    changed = values.copy()
    changed.flat[50::200] = value
    return changed


RAMPS = [
    # values, what they become on 0 to 255, what is told of the range
    (ramp(0, 1), 0, 1),
    (ramp(0, 1.01), 0, 1),
    (ramp(-0.03, 1.04), 0, 1),
    (outlier(ramp(0, 1), 400), 0, 1),
    (ramp(0, 254.5), 0, 255),
    (ramp(0, 256.5), 0, 255),
    (outlier(ramp(0, 254.5), 4000), 0, 255),
    (ramp(0, 65000.5), 0, 65535),
    (ramp(-1, 1), -1, 1),
    (ramp(-1.02, 1.03), -1, 1),
    (ramp(0, 255, np.int32), 0, 255),
    (ramp(0, 260, np.int32), 0, 255),
    (outlier(ramp(0, 255, np.int32), 70000), 0, 255),
    (ramp(0, 20, np.int32), 0, 255),
    (ramp(0, 1000, np.int32), 0, 1023),
    (ramp(0, 4000, np.int32), 0, 4095),
    (ramp(0, 16000, np.int32), 0, 16383),
    (ramp(0, 65000, np.int32), 0, 65535),
    (ramp(0, 1.5, np.int32), 0, 1),
    (np.rint(ramp(0, 255)), 0, 255),
]


@pytest.mark.parametrize(("values", "black", "white"), RAMPS)
def test_a_usual_range_is_taken_that_fits_almost_all(tmp_path, values, black, white):
    photograph = load(tmp_path, values)
    scaled = (values.astype(np.float64) - black) / (white - black)
    expected = np.rint(255 * np.clip(scaled, 0, 1))
    np.testing.assert_array_equal(photograph.pixels[..., 0], expected)
    range_notice = photograph.notices[0]
    assert range_notice.kind == "range"
    assert f"taken as {black:g}, black, to {white:g}, white" in range_notice.text
    assert ("lie outside" in range_notice.text) == bool(((scaled < 0) | (scaled > 1)).any())


@pytest.mark.parametrize(
    "values",
    [ramp(0, 1.3), ramp(0, 7), ramp(0, 40), ramp(0, 100.5), ramp(0, 3000.5), ramp(20000, 30000.5),
     ramp(-0.4, 0.9), ramp(0, 300, np.int32), ramp(-500, 500, np.int32),
     ramp(0, 2**30, np.int32)],
)  # fmt: skip
def test_others_are_stretched_over_the_whole_range(tmp_path, values):
    photograph = load(tmp_path, values)
    levels = photograph.pixels[..., 0]
    assert (np.diff(levels.reshape(-1).astype(int)) >= 0).all()
    assert levels.min() == 0
    assert levels.max() == 255
    assert 110 < levels.mean() < 145
    assert photograph.notices[0].kind == "range"


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_there_is_no_cliff(tmp_path, dtype):
    """However far a full ramp goes, it never comes out dark."""
    tops = np.geomspace(1 if dtype == np.float32 else 255, 1e6, 60)
    for top in tops:
        levels = load(tmp_path, ramp(0, top, dtype)).pixels
        assert levels.mean() > 0.45 * 127.5, top


def test_shadows_are_kept_where_the_range_begins_a_little_above_zero(tmp_path):
    levels = load(tmp_path, ramp(0.2, 1.3)).pixels
    assert abs(int(levels.min()) - 255 * 0.2 / 1.3) < 2


def test_sixteen_bits_are_taken_at_their_word_and_darkness_is_told(tmp_path):
    values = ramp(0, 4095, np.uint16)
    photograph = load(tmp_path, values, "png")
    np.testing.assert_array_equal(photograph.pixels[..., 0], np.rint(values / 257))
    [notice] = photograph.notices
    assert notice.kind == "dark"
    assert "need only 12 of its 16 bits" in notice.text
    assert load(tmp_path, ramp(0, 20000, np.uint16), "png").notices == ()
    # A few bright pixels do not hide it.
    assert load(tmp_path, outlier(values, 60000), "png").notices == (notice,)


def test_float_tiff_whose_white_is_zero(tmp_path):
    values = ramp(0, 1)
    path = tmp_path / "x.tif"
    Image.fromarray(values).save(path, tiffinfo={262: 0})
    with Image.open(path) as image:
        assert image.tag_v2[262] == 0
    levels = load_photograph(path, values.shape).pixels[..., 0]
    np.testing.assert_array_equal(levels, 255 - np.rint(255 * values.astype(np.float64)))


def test_large_pictures_are_sampled(tmp_path):
    values = np.zeros((1500, 1500), np.float32)
    values[:, 750:] = 0.5
    values[7, 11] = 1e6
    levels = load(tmp_path, values).pixels[..., 0]
    assert sorted(set(levels.flat)) == [0, 128, 255]
