"""Colours: profiles against their definition, what is told, and what shows nothing."""

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.images import load_photograph
from tests.io.icc import DISPLAY_P3, SRGB, grey_profile, rgb_profile, to_srgb

SIDE = 12
GAMMA = 2.2


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def load(path, side=SIDE):
    return load_photograph(path, (side, side))


def kinds(photograph):
    return [notice.kind for notice in photograph.notices]


def by_definition(pixels, matrix):
    """RGB of primaries ``matrix`` and gamma 2.2 to sRGB, in float64."""
    linear = (pixels / 255.0) ** GAMMA @ matrix.T @ np.linalg.inv(SRGB).T
    return to_srgb(linear)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_display_p3_becomes_srgb(tmp_path, pixels, suffix):
    path = tmp_path / f"x.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    profile = rgb_profile(DISPLAY_P3, GAMMA, "Wide\ncolours")
    Image.fromarray(pixels).save(path, icc_profile=profile, **options)
    photograph = load(path)
    expected = by_definition(pixels, DISPLAY_P3)
    assert np.abs(photograph.pixels - expected).max() <= 3
    assert np.abs(photograph.pixels.astype(int) - pixels).max() > 20
    told = "its colours were converted to sRGB by its profile (Wide colours)"
    assert photograph.notices == (("profile", told),)


def test_swapped_primaries_swap_the_colours(tmp_path, pixels):
    profile = rgb_profile(SRGB[:, ::-1], GAMMA)
    Image.fromarray(pixels).save(tmp_path / "x.png", icc_profile=profile)
    expected = by_definition(pixels[..., ::-1], SRGB)
    assert np.abs(load(tmp_path / "x.png").pixels - expected).max() <= 3


def test_srgb_by_whatever_name_changes_nothing(tmp_path, pixels):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(pixels).save(tmp_path / "x.png", icc_profile=profile)
    Image.fromarray(pixels[..., 0]).save(tmp_path / "grey.png", icc_profile=profile)
    photograph, grey = (load(tmp_path / name) for name in ("x.png", "grey.png"))
    np.testing.assert_array_equal(photograph.pixels, pixels)
    np.testing.assert_array_equal(grey.pixels[..., 2], pixels[..., 0])
    assert photograph.notices == grey.notices == ()


def test_grey_of_another_gamma(tmp_path):
    ramp = np.arange(144, dtype=np.uint8).reshape(SIDE, SIDE)
    Image.fromarray(ramp).save(tmp_path / "x.png", icc_profile=grey_profile(1.0))
    photograph = load(tmp_path / "x.png")
    assert np.abs(photograph.pixels[..., 1] - to_srgb(ramp / 255.0)).max() <= 2
    assert kinds(photograph) == ["profile"]
    wide = ramp.astype(np.uint16) * 257
    Image.fromarray(wide).save(tmp_path / "wide.tif", icc_profile=grey_profile(1.0))
    np.testing.assert_array_equal(load(tmp_path / "wide.tif").pixels, photograph.pixels)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_stay_white_under_a_profile(tmp_path, pixels, mode):
    alpha = np.where(np.arange(SIDE) < 6, 255, 0).astype(np.uint8) + np.zeros((SIDE, 1), np.uint8)
    colours = pixels if mode == "RGBA" else pixels[..., :1]
    profile = rgb_profile(DISPLAY_P3, GAMMA) if mode == "RGBA" else grey_profile(GAMMA)
    image = Image.fromarray(np.concatenate([colours, alpha[..., None]], 2), mode)
    image.save(tmp_path / "x.png", icc_profile=profile)
    photograph = load(tmp_path / "x.png")
    primaries = DISPLAY_P3 if mode == "RGBA" else SRGB
    expected = by_definition(np.broadcast_to(colours, pixels.shape), primaries)
    assert np.abs(photograph.pixels[:, :6] - expected[:, :6]).max() <= 3
    assert (photograph.pixels[:, 6:] == 255).all()
    assert "transparent" in kinds(photograph)


@pytest.mark.parametrize(
    "profile", [b"no profile", rgb_profile(DISPLAY_P3, GAMMA)[:200], grey_profile(GAMMA)]
)
def test_a_profile_that_cannot_be_used_is_told(tmp_path, pixels, profile):
    Image.fromarray(pixels).save(tmp_path / "x.png", icc_profile=profile)
    photograph = load(tmp_path / "x.png")
    np.testing.assert_array_equal(photograph.pixels, pixels)
    told = "its colour profile is damaged or of another kind of picture, and was ignored"
    assert photograph.notices == (("colours", told),)


def test_a_pillow_without_colour_management_is_told(tmp_path, pixels, monkeypatch):
    profile = rgb_profile(DISPLAY_P3, GAMMA)
    Image.fromarray(pixels).save(tmp_path / "x.png", icc_profile=profile)
    monkeypatch.setattr("pmsfc_jax.io.colour.features.check", lambda name: False)
    photograph = load(tmp_path / "x.png")
    np.testing.assert_array_equal(photograph.pixels, pixels)
    assert "without Little CMS" in photograph.notices[0].text


def png_with(path, pixels, *chunks):
    """A PNG with further chunks before its pixels."""
    info = PngImagePlugin.PngInfo()
    for name, data in chunks:
        info.add(name, data)
    Image.fromarray(pixels).save(path, pnginfo=info)


def numbers(*values):
    return b"".join(round(v * 100000).to_bytes(4, "big") for v in values)


SRGB_PRIMARIES = numbers(0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
WIDE_PRIMARIES = numbers(0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046)


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        ([(b"gAMA", numbers(1.0))], "it states a gamma of 1,"),
        ([(b"gAMA", numbers(0.45455))], None),
        ([(b"cHRM", SRGB_PRIMARIES)], None),
        ([(b"cHRM", WIDE_PRIMARIES)], "it states primaries that are not sRGB's"),
        ([(b"sRGB", b"\0"), (b"gAMA", numbers(1.0))], None),
    ],
)
def test_statements_that_are_not_heeded_are_told(tmp_path, pixels, chunks, words):
    path = tmp_path / "x.png"
    png_with(path, pixels, *chunks)
    photograph = load(path)
    np.testing.assert_array_equal(photograph.pixels, pixels)
    assert kinds(photograph) == ([] if words is None else ["colours"])
    assert words is None or words in photograph.notices[0].text


def test_adobe_rgb_without_a_profile_is_told(tmp_path, pixels):
    exif = Image.Exif()
    exif.get_ifd(0xA005)[1] = "R03"
    exif[0x8769] = {0xA001: 65535, 0xA005: {1: "R03"}}
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    photograph = load(tmp_path / "x.png")
    assert "Adobe RGB" in photograph.notices[0].text


def test_lab_is_converted(tmp_path):
    colours = np.array([[[255, 255, 255], [0, 0, 0]], [[200, 40, 30], [30, 60, 190]]], np.uint8)
    image = Image.fromarray(colours.repeat(6, 0).repeat(6, 1))
    lab = ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    lab.save(tmp_path / "x.tif")
    with Image.open(tmp_path / "x.tif") as stored:
        assert stored.mode == "LAB"
    photograph = load(tmp_path / "x.tif")
    assert np.abs(photograph.pixels[::6, ::6].astype(int) - colours).max() <= 6


@pytest.mark.parametrize("kind", ["RGBA", "LA", "P", "I;16", "nearly"])
def test_what_is_transparent_everywhere_is_refused(tmp_path, pixels, kind):
    path, options = tmp_path / "x.png", {}
    alpha = np.full((SIDE, SIDE, 1), 3 if kind == "nearly" else 0, np.uint8)
    if kind in ("RGBA", "nearly"):
        image = Image.fromarray(np.concatenate([pixels, alpha], 2))
    elif kind == "LA":
        image = Image.fromarray(np.concatenate([pixels[..., :1], alpha], 2))
    elif kind == "P":
        image = Image.new("P", (SIDE, SIDE), 5)
        image.putpalette(list(range(48)))
        options["transparency"] = 5
    else:
        image = Image.fromarray(np.full((SIDE, SIDE), 700, np.uint16))
        options["transparency"] = 700
    image.save(path, **options)
    with pytest.raises(InputError, match="nothing of it is visible: it is transparent everywhere"):
        load(path)


def test_one_visible_pixel_is_enough(tmp_path, pixels):
    alpha = np.zeros((SIDE, SIDE, 1), np.uint8)
    alpha[3, 4] = 255
    Image.fromarray(np.concatenate([pixels, alpha], 2)).save(tmp_path / "x.png")
    found = load(tmp_path / "x.png").pixels
    np.testing.assert_array_equal(found[3, 4], pixels[3, 4])
    assert (found != 255).any(2).sum() <= 1


@pytest.mark.parametrize(("brightest", "dark"), [(15, True), (31, True), (32, False), (0, True)])
def test_a_nearly_black_picture_is_told(tmp_path, brightest, dark):
    pixels = np.full((40, 40, 3), brightest, np.uint8)
    pixels[0, 0] = 255 if dark else 0  # a single pixel changes nothing
    Image.fromarray(pixels).save(tmp_path / "x.png")
    notices = load(tmp_path / "x.png", 40).notices
    told = (("dark", f"it is dark: almost none of its values is above {brightest} of 255"),)
    assert notices == (told if dark else ())
