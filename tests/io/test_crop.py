import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.crop import CENTRE, STRETCH, Crop
from pmsfc_jax.io.images import load_photograph, load_photographs


@pytest.fixture
def photograph(tmp_path):
    """A photograph of 30x20 random pixels, and its path."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    return pixels, tmp_path / "x.png"


@pytest.mark.parametrize(
    ("text", "crop"),
    [
        ("centre", CENTRE),
        ("center", CENTRE),
        (" Stretch ", STRETCH),
        ("3,4,10,20", Crop("box", (3, 4, 10, 20))),
        ("0, 0, 1, 1", Crop("box", (0, 0, 1, 1))),
    ],
)
def test_a_crop_is_read_and_written(text, crop):
    assert Crop.parse(text) == crop
    assert Crop.parse(str(crop)) == crop


@pytest.mark.parametrize("text", ["", "middle", "1,2,3", "1,2,3,4,5", "1,2,3,x", "0.5,0,1,1"])
def test_what_is_no_crop_is_refused_with_what_there_is(text):
    with pytest.raises(InputError, match=r"give centre, stretch, or X,Y,W,H"):
        Crop.parse(text)


@pytest.mark.parametrize("text", ["-1,0,5,5", "0,-2,5,5", "0,0,0,5", "0,0,5,-5"])
def test_an_impossible_rectangle_is_refused(text):
    with pytest.raises(InputError, match=f"a crop of {text} is empty or outside"):
        Crop.parse(text)


def test_a_rectangle_is_cut_out_to_the_pixel(photograph):
    pixels, path = photograph
    found = load_photograph(path, (6, 8), crop=Crop.parse("5,3,8,6"))
    np.testing.assert_array_equal(found.pixels, pixels[3:9, 5:13])
    assert found.notices == (("cropped", "5,3,8,6 was cut out, 8x6 of 30x20 pixels"),)


def test_of_a_rectangle_with_other_proportions_its_centre_is_taken(photograph):
    pixels, path = photograph
    found = load_photograph(path, (6, 6), crop=Crop.parse("5,3,10,6"))
    np.testing.assert_array_equal(found.pixels, pixels[3:9, 7:13])
    told = "the centre of 5,3,10,6 was cut out, 6x6 of 30x20 pixels"
    assert found.notices == (("square", told),)


def test_stretching_keeps_all_of_it(photograph):
    pixels, path = photograph
    found = load_photograph(path, (10, 10), crop=STRETCH)
    expected = Image.fromarray(pixels).resize((10, 10), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(found.pixels, np.asarray(expected))
    assert [notice.kind for notice in found.notices] == ["stretched", "reduced"]
    # A photograph of the right proportions is not stretched.
    kinds = [notice.kind for notice in load_photograph(path, (10, 15), crop=STRETCH).notices]
    assert kinds == ["reduced"]


def test_a_rectangle_is_of_the_upright_picture(tmp_path, photograph):
    pixels, _ = photograph
    exif = Image.Exif()
    exif[274] = 6
    path = tmp_path / "turned.png"
    Image.fromarray(pixels).save(path, exif=exif)
    found = load_photograph(path, (25, 10), crop=Crop.parse("2,5,10,25"))
    np.testing.assert_array_equal(found.pixels, np.rot90(pixels, -1)[5:30, 2:12])


def test_a_photograph_without_the_rectangle_is_left_out(photograph):
    _, path = photograph
    _, skipped = load_photographs([path], (5, 5), crop=Crop.parse("20,0,11,5"))
    reason = "it has 30x20 pixels, and not all of the crop 20,0,11,5 lies within them"
    assert skipped == [(path, reason)]
