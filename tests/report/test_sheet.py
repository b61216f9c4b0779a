import subprocess
import sys

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.report.sheet import (
    comparison_sheet,
    difference_image,
    grid,
    reconstruction_sheet,
)
from pmsfc_jax.report.text import can_draw, font, line_height, shorten


def noise(height=8, width=8, seed=0):
    return np.random.default_rng(seed).integers(0, 200, (height, width, 3), np.uint8)


def flat(colour, height=8, width=8):
    return np.broadcast_to(np.uint8(colour), (height, width, 3))


def find(sheet, picture):
    """Every (top, left) at which ``picture`` lies on ``sheet`` pixel for pixel."""
    height, width = picture.shape[:2]
    tops, lefts = np.nonzero((sheet[: 1 - height, : 1 - width] == picture[0, 0]).all(2))
    return [
        (int(top), int(left))
        for top, left in zip(tops, lefts, strict=True)
        if np.array_equal(sheet[top : top + height, left : left + width], picture)
    ]


def enlarged(picture, factor):
    return np.kron(picture, np.ones((factor, factor, 1), np.uint8))


def test_pictures_are_enlarged_by_whole_factors_and_aligned():
    pictures = [[noise(seed=3 * row + column) for column in range(3)] for row in range(2)]
    sheet = comparison_sheet(pictures, column_titles=["a", "b", "c"], cell=50)
    assert sheet.dtype == np.uint8
    places = [[find(sheet, enlarged(picture, 6)) for picture in row] for row in pictures]
    assert all(len(place) == 1 for row in places for place in row)
    tops = [{place[0][0] for place in row} for row in places]
    assert [len(row) for row in tops] == [1, 1]
    assert tops[0] < tops[1] or max(tops[0]) < min(tops[1])
    lefts = [[place[0][1] for place in row] for row in places]
    assert lefts[0] == lefts[1]
    steps = np.diff(lefts[0])
    assert steps[0] == steps[1] > 48


def test_background_is_white_and_margins_are_even():
    sheet = comparison_sheet([[flat((0, 0, 200))] * 2], column_titles=["", ""], cell=64)
    assert (sheet[:, :10] == 255).all()
    assert (sheet[:10] == 255).all()
    blue = (sheet == (0, 0, 200)).all(2)
    rows, columns = np.nonzero(blue)
    assert columns.min() == sheet.shape[1] - 1 - columns.max()
    assert sheet.shape[0] - 1 - rows.max() == columns.min()
    assert blue.sum() == 2 * 64 * 64


def test_a_white_picture_has_an_edge():
    sheet = comparison_sheet([[flat((255, 255, 255))]], column_titles=[""], cell=64)
    edge = (sheet < 255).any(2)
    assert edge.sum() == 4 * 65  # a square ring of side 66


def test_titles_are_drawn_above_their_columns():
    pictures = [[flat((200, 0, 0)), flat((0, 0, 200))]]
    with_first = comparison_sheet(pictures, column_titles=["target", ""], cell=64)
    without = comparison_sheet(pictures, column_titles=["", ""], cell=64)
    assert with_first.shape == without.shape
    rows, columns = np.nonzero((with_first != without).any(2))
    top, left = find(without, enlarged(pictures[0][0], 8))[0]
    assert rows.max() < top
    assert left <= columns.min()
    assert columns.max() < left + 64
    # Centred over the picture to a pixel or two of side bearing.
    assert abs((columns.min() + columns.max()) / 2 - (left + 31.5)) <= 2


def test_row_titles_stand_between_the_rows():
    pictures = [[flat((200, 0, 0))], [flat((0, 0, 200))]]
    titled = comparison_sheet(
        pictures, column_titles=["x"], row_titles=["", "name, 20.1 dB"], cell=64
    )
    blank = comparison_sheet(pictures, column_titles=["x"], row_titles=["", ""], cell=64)
    plain = comparison_sheet(pictures, column_titles=["x"], cell=64)
    assert titled.shape[0] > plain.shape[0]
    rows, _ = np.nonzero((titled != blank).any(2))
    above = find(titled, enlarged(pictures[0][0], 8))[0][0] + 64
    below = find(titled, enlarged(pictures[1][0], 8))[0][0]
    assert above < rows.min()
    assert rows.max() < below


def test_a_large_picture_is_reduced_to_its_cell_with_its_proportions():
    sheet = comparison_sheet([[flat((0, 0, 200), 100, 300)]], column_titles=[""], cell=60)
    rows, columns = np.nonzero((sheet == (0, 0, 200)).all(2))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 60)


def test_pictures_of_several_sizes_are_centred_in_their_cells():
    wide, tall = flat((200, 0, 0), 4, 16), flat((0, 0, 200), 16, 4)
    sheet = comparison_sheet([[wide, tall]], column_titles=["", ""], cell=16)
    red, blue = (np.nonzero((sheet == colour).all(2)) for colour in ((200, 0, 0), (0, 0, 200)))
    assert red[0].mean() == blue[0].mean()
    assert (np.ptp(red[0]) + 1, np.ptp(red[1]) + 1) == (4, 16)
    assert (np.ptp(blue[0]) + 1, np.ptp(blue[1]) + 1) == (16, 4)


@pytest.mark.parametrize("text", ["x" * 500, "a long title of many words " * 20])
def test_long_titles_are_cut_to_the_width(text):
    cut = shorten(text, font(14), 100)
    assert cut.endswith("...")
    assert text.startswith(cut[:-3])
    assert 80 < font(14).getlength(cut) <= 100
    picture = noise()
    sheet = comparison_sheet([[picture]], column_titles=[text], row_titles=[text], cell=64)
    assert (sheet[:, -11:] == 255).all()


def test_characters_the_font_lacks_are_replaced():
    assert shorten("Ünïcode \u00d74 中\nx", font(14), 1000) == "Unicode ?4 ? x"
    assert shorten("plain ~ text (1.5 dB)", font(14), 1000) == "plain ~ text (1.5 dB)"
    assert 14 <= line_height(font(14)) <= 21


def test_difference_is_amplified_and_clipped():
    a = np.array([[[0, 10, 255], [100, 100, 100]]], np.uint8)
    b = np.array([[[0, 13, 0], [90, 101, 164]]], np.uint8)
    expected = [[[0, 12, 255], [40, 4, 255]]]
    np.testing.assert_array_equal(difference_image(a, b), expected)
    np.testing.assert_array_equal(difference_image(b, a), expected)
    np.testing.assert_array_equal(
        difference_image(a, b, factor=2, grey=True), [[[255] * 3, [128] * 3]]
    )
    np.testing.assert_array_equal(difference_image(a, b, factor=1), [[[0, 3, 255], [10, 1, 64]]])
    assert difference_image(a, b).dtype == np.uint8


def test_reconstruction_sheet_shows_all_three_and_writes_the_psnr():
    targets = np.stack([noise(seed=0), noise(seed=1)])
    reconstructions = targets + np.uint8([[[[9, 0, 0]]]])
    names = ["one", "two"]
    sheet = reconstruction_sheet(
        targets, reconstructions, names=names, psnr=[20.123, float("inf")], cell=64
    )
    expected = comparison_sheet(
        [[t, r, flat((36, 0, 0))] for t, r in zip(targets, reconstructions, strict=True)],
        column_titles=["target", "reconstruction", "difference x4"],
        row_titles=["one  ·  20.12 dB", "two  ·  identical"],
        cell=64,
    )
    np.testing.assert_array_equal(sheet, expected)


def test_rows_stand_beside_one_another_in_reading_order():
    pictures = [[noise(seed=2 * row), noise(seed=2 * row + 1)] for row in range(5)]
    titles = [str(number) for number in range(5)]
    layout = {"column_titles": ["a", "b"], "row_titles": titles, "cell": 16}
    sheet = comparison_sheet(pictures, **layout, across=2)
    places = [[find(sheet, enlarged(picture, 2))[0] for picture in row] for row in pictures]
    tops, lefts = (np.array(places)[..., axis] for axis in (0, 1))
    assert (tops[:, 0] == tops[:, 1]).all()
    assert tops[0, 0] == tops[1, 0] < tops[2, 0] == tops[3, 0] < tops[4, 0]
    assert (lefts[::2] == lefts[0]).all()
    assert (lefts[1::2] == lefts[1]).all()
    assert lefts[0, 0] < lefts[0, 1] < lefts[1, 0] < lefts[1, 1]
    one = comparison_sheet(pictures[:1], column_titles=["a", "b"], row_titles=["0"], cell=16)
    np.testing.assert_array_equal(sheet[: one.shape[0] - 12, : one.shape[1] - 12], one[:-12, :-12])


@pytest.mark.parametrize("count", [1, 3, 10, 16, 40, 100])
def test_as_many_rows_stand_beside_one_another_as_suit(count):
    sheet = comparison_sheet(
        [[noise()] * 3] * count,
        column_titles=["a", "b", "c"],
        row_titles=["x"] * count,
        cell=96,
        across=None,
    )
    height, width = sheet.shape[:2]
    assert height <= 1.6 * width
    assert width <= 6 * height
    if count <= 3:  # a few rows stay below one another
        assert width < 350


def test_names_of_any_script_are_drawn_or_left_out_cleanly():
    assert can_draw("Zoë (2) ~ façade?.v1")
    for name in ("照片", "фото", "صورة", "photo-写真", "😀", "हिन्दी"):
        assert not can_draw(name)
    pair = [noise()]
    sheets = [
        reconstruction_sheet(pair, pair, names=[name], psnr=[20.0], cell=64, first=7)
        for name in ("照片", "no. 7", "Café", "Cafe")
    ]
    np.testing.assert_array_equal(sheets[0], sheets[1])
    np.testing.assert_array_equal(sheets[2], sheets[3])
    assert (sheets[1] != sheets[2]).any()


def test_grid_places_pictures_in_reading_order():
    pictures = [noise(seed=seed) for seed in range(5)]
    sheet = grid(pictures, 3, cell=16, gap=2)
    assert sheet.shape == (2 * 18 + 2, 3 * 18 + 2, 3)
    places = [find(sheet, enlarged(picture, 2))[0] for picture in pictures]
    assert places == [(2, 2), (2, 20), (2, 38), (20, 2), (20, 20)]
    assert (sheet[20:36, 38:] == 255).all()
    np.testing.assert_array_equal(grid(np.stack(pictures), 3, cell=16, gap=2), sheet)
    assert grid(pictures[:2], 8, cell=16, gap=2).shape == (20, 38, 3)


def test_mistakes_are_told():
    picture = noise()
    for rows in ([], [[]], [[picture]], [[picture] * 2, [picture]]):
        with pytest.raises(InputError, match=r"a sheet (needs|has)"):
            comparison_sheet(rows, column_titles=["a", "b"])
    with pytest.raises(InputError, match="1 row titles and 2 rows"):
        comparison_sheet([[picture]] * 2, column_titles=["a"], row_titles=["x"])
    for bad in (picture.astype(float), picture[..., 0], picture[:0]):
        with pytest.raises(InputError, match="a sheet is made of"):
            comparison_sheet([[bad]], column_titles=["a"])
        with pytest.raises(InputError, match="a sheet is made of"):
            grid([bad], 1)
        with pytest.raises(InputError, match="a sheet is made of"):
            difference_image(bad, bad)
    with pytest.raises(InputError, match="different shapes"):
        difference_image(picture, picture[:4])
    with pytest.raises(InputError, match="at least 1, not 0"):
        difference_image(picture, picture, factor=0)
    with pytest.raises(InputError, match="0 pictures"):
        grid([], 3)
    with pytest.raises(InputError, match="0 columns"):
        grid([picture], 0)
    with pytest.raises(InputError, match="a cell is at least 1"):
        grid([picture], 1, cell=0)
    with pytest.raises(InputError, match="2 names"):
        reconstruction_sheet([picture], [picture], names=["a", "b"], psnr=[1.0])


def test_sheets_are_drawn_without_jax():
    code = "import sys, pmsfc_jax.report.sheet; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
