"""Photographs that mislead, as their collection expects them to be treated."""

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.images import load_photograph

pytestmark = pytest.mark.shared


@pytest.fixture
def load(shared):
    folder = shared / "cases"
    if not folder.is_dir():
        pytest.skip(f"no cases at {folder}")
    return lambda name: load_photograph(folder / name, (64, 64))


@pytest.mark.parametrize("name", ["int32_0_255.tiff", "float_to_1.01.tiff"])
def test_values_of_no_stated_range_are_seen(load, name):
    photograph = load(name)
    assert 100 < photograph.pixels.mean() < 155
    assert photograph.pixels.max() >= 250
    assert [notice.kind for notice in photograph.notices] == ["range"]


def test_twelve_bits_in_sixteen_are_told(load):
    [notice] = load("u16_with_12_bits.png").notices
    assert "only 12 of its 16 bits" in notice.text


def test_a_profile_that_swaps_red_and_blue_is_heeded(load, shared):
    from PIL import Image

    photograph = load("icc_swapped.png")
    stored = np.asarray(Image.open(shared / "cases" / "icc_swapped.png"))
    assert np.abs(photograph.pixels.astype(int) - stored[..., ::-1]).max() <= 4
    assert [notice.kind for notice in photograph.notices] == ["profile"]


def test_a_picture_that_shows_nothing_is_refused(load):
    with pytest.raises(InputError, match="nothing of it is visible"):
        load("rgba_all_transparent.png")
