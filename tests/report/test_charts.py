import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.report import charts


def luminance(colours):
    return np.asarray(colours, np.float64) @ [0.2126, 0.7152, 0.0722]


def test_colours_darken_from_white_to_the_limit():
    colours = charts.heat_colours(np.linspace(0, 2, 81), 2.0)
    assert colours[0].tolist() == [255, 255, 255]
    assert (np.diff(luminance(colours)) < 0).all()
    assert np.array_equal(charts.heat_colours([3.0], 2.0)[0], colours[-1])
    with pytest.raises(InputError, match="positive"):
        charts.heat_colours([1.0], 0.0)


def test_a_heatmap_has_whole_squares_and_lines_before_blocks():
    matrix = np.arange(16.0).reshape(4, 4)
    picture = charts.heatmap(matrix, limit=15, side=27)  # a factor of 6
    assert picture.shape == (24, 24, 3)
    blocks = picture.reshape(4, 6, 4, 6, 3).swapaxes(1, 2)
    assert (blocks == blocks[:, :, :1, :1]).all()
    assert np.array_equal(blocks[:, :, 0, 0], charts.heat_colours(matrix, 15))
    lined = charts.heatmap(matrix, limit=15, side=27, borders=[1])
    changed = (lined != picture).any(2)
    assert changed[4:6].all()
    assert changed[:, 4:6].all()
    assert not changed[6:, 6:].any()
    assert not changed[:4, :4].any()
    assert charts.heatmap(np.ones((30, 30)), limit=1, side=10).shape == (30, 30, 3)


def test_maps_share_one_scale():
    one, two = charts.effect_pictures(
        np.stack([np.full((2, 3), 1.0), np.full((2, 3), 2.0)]), limit=2
    )
    assert luminance(one[0, 0]) > luminance(two[0, 0])
    assert np.array_equal(two[0, 0], charts.heat_colours([2.0], 2)[0])


def bars(picture, colour):
    """Heights and lefts of the vertical runs of ``colour``."""
    found = (picture == np.array(colour)).all(2)
    columns = np.flatnonzero(found.sum(0) > 5)
    starts = columns[np.diff(columns, prepend=-9) > 1]
    return [int(found[:, start + 1].sum()) for start in starts]


def test_bars_have_heights_in_proportion_and_two_colours():
    picture = charts.bar_chart([1.0, 0.5, 0.25, -0.1], highlighted=2, title="t", height=200)
    strong, weak = bars(picture, charts._ACCENT), bars(picture, charts._REST)
    assert len(strong) == 2
    assert abs(strong[0] - 201) <= 1
    assert abs(strong[1] - 101) <= 1
    assert len(weak) == 1
    assert abs(weak[0] - 51) <= 1
    assert charts.bar_chart(np.ones(99), highlighted=1, title="t", most=5).shape[1] < 300


@pytest.mark.parametrize("values", [[], [0.0, -1.0]])
def test_no_bars(values):
    with pytest.raises(InputError, match="above 0"):
        charts.bar_chart(values, highlighted=1, title="t")
