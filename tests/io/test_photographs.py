"""Photographs that decode: every mode, orientation, crop, resampling and name."""

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, features

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.images import Photograph, load_photograph, load_photographs, save_png
from pmsfc_jax.io.notices import PHRASES

# Four flat quadrants: survive lossy formats in their middles and tell every orientation apart.
QUADRANTS = np.array([[[230, 20, 20], [20, 230, 20]], [[20, 20, 230], [230, 230, 20]]], np.uint8)
SIDE = 16


def quadrants(height=SIDE, width=SIDE):
    return np.repeat(np.repeat(QUADRANTS, height // 2, 0), width // 2, 1)


def save(path, image, **options):
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(path, **options)
    return path


def load(path, height=SIDE, width=SIDE):
    return load_photograph(path, (height, width))


def texts(photograph):
    """What is told of a photograph, but for a mere change of its size."""
    assert all(notice.kind in PHRASES for notice in photograph.notices)
    return tuple(n.text for n in photograph.notices if n.kind not in ("reduced", "enlarged"))


def middles(pixels):
    """The colour in the middle of each quadrant, [2, 2, 3]."""
    step = pixels.shape[0] // 4
    return pixels[step :: 2 * step, step :: 2 * step].astype(int)


def test_rgb_of_the_right_size_is_passed_on_untouched(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    photograph = load(save(tmp_path / "some name.png", pixels))
    assert isinstance(photograph, Photograph)
    np.testing.assert_array_equal(photograph.pixels, pixels)
    assert photograph.pixels.flags.c_contiguous
    assert photograph.pixels.flags.writeable
    assert (photograph.name, photograph.notices) == ("some name", ())


FORMATS = [("jpg", {"quality": 95}), ("png", {}), ("tif", {}), ("bmp", {}), ("ppm", {})]
FORMATS += [("webp", {"lossless": True})] if features.check("webp") else []
FORMATS += [("jp2", {})] if features.check("jpg_2000") else []
FORMATS += [("avif", {"quality": 95})] if features.check("avif") else []


@pytest.mark.parametrize(("suffix", "options"), FORMATS)
def test_formats(tmp_path, suffix, options):
    path = tmp_path / "x.any"  # told by its content, not by its name
    save(path, quadrants(64, 64), format=Image.registered_extensions()["." + suffix], **options)
    photograph = load(path, 64, 64)
    assert np.abs(middles(photograph.pixels) - QUADRANTS).max() <= 8
    assert photograph.notices == ()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_exif_orientation_makes_the_picture_upright(tmp_path, orientation, suffix):
    upright = quadrants()
    # How a camera in each position stores an upright scene (EXIF 2.3, tag 274).
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / f"x.{suffix}"
    options = {"quality": 95, "subsampling": 0} if suffix == "jpg" else {}
    save(path, np.ascontiguousarray(stored), exif=exif, **options)
    assert np.abs(middles(load(path).pixels) - QUADRANTS).max() <= 8


def test_orientation_is_applied_before_the_crop(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    path = save(tmp_path / "x.png", quadrants(8, 16), exif=exif)
    photograph = load(path, 16, 8)
    assert photograph.pixels.shape == (16, 8, 3)
    assert [notice.kind for notice in photograph.notices] == ["turned"]


@pytest.mark.parametrize("block", [b"no header", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0"])
def test_damaged_exif_does_not_spoil_the_picture(tmp_path, block):
    photograph = load(save(tmp_path / "x.png", quadrants(), exif=b"Exif\0\0" + block))
    np.testing.assert_array_equal(photograph.pixels, quadrants())
    if block == b"no header":
        assert texts(photograph) == ("its EXIF block is damaged and was ignored",)


RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def test_grey(tmp_path):
    pixels = load(save(tmp_path / "x.png", RAMP)).pixels
    np.testing.assert_array_equal(pixels, np.repeat(RAMP[..., None], 3, 2))


def test_one_bit(tmp_path):
    mask = RAMP > 100
    pixels = load(save(tmp_path / "x.png", Image.fromarray(mask))).pixels
    np.testing.assert_array_equal(pixels[..., 0], np.where(mask, 255, 0))


@pytest.mark.parametrize("channels", [2, 4])
def test_transparency_is_put_on_white(tmp_path, channels):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (SIDE, SIDE, channels), np.uint8)
    photograph = load(save(tmp_path / "x.png", image))
    alpha = image[..., -1:] / 255.0
    expected = np.broadcast_to(image[..., :-1] * alpha + 255 * (1 - alpha), (SIDE, SIDE, 3))
    assert np.abs(photograph.pixels - expected).max() <= 1
    assert texts(photograph) == ("its transparent parts were put on white",)


def test_an_opaque_alpha_channel_gives_no_notice(tmp_path):
    image = np.concatenate([quadrants(), np.full((SIDE, SIDE, 1), 255, np.uint8)], 2)
    photograph = load(save(tmp_path / "x.png", image))
    np.testing.assert_array_equal(photograph.pixels, quadrants())
    assert photograph.notices == ()


@pytest.mark.parametrize("transparency", [None, 1, bytes([255, 0, 255, 128])])
def test_palette(tmp_path, transparency):
    image = Image.fromarray(np.repeat(np.repeat([[0, 1], [2, 3]], 8, 0), 8, 1).astype(np.uint8))
    image = image.convert("L")
    image.putpalette(QUADRANTS.tobytes())
    options = {} if transparency is None else {"transparency": transparency}
    photograph = load(save(tmp_path / "x.png", image, **options))
    expected = QUADRANTS.astype(int).reshape(4, 3)
    if transparency is not None:
        expected[1] = 255
        assert texts(photograph) == ("its transparent parts were put on white",)
    if isinstance(transparency, bytes):
        expected[3] = np.rint(expected[3] * 128 / 255 + 127)
    assert np.abs(middles(photograph.pixels) - expected.reshape(2, 2, 3)).max() <= 1


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk(tmp_path, suffix):
    inks = {  # cyan, magenta, yellow, black: the colour they print
        (0, 0, 0, 0): (255, 255, 255),
        (255, 0, 0, 0): (0, 255, 255),
        (0, 255, 255, 0): (255, 0, 0),
        (0, 0, 0, 255): (0, 0, 0),
    }
    array = np.array(list(inks), np.uint8).reshape(2, 2, 4).repeat(16, 0).repeat(16, 1)
    path = save(tmp_path / f"x.{suffix}", Image.fromarray(array, "CMYK"))
    photograph = load(path, 32, 32)
    expected = np.array(list(inks.values())).reshape(2, 2, 3)
    assert np.abs(middles(photograph.pixels) - expected).max() <= 8
    assert texts(photograph) == ("it was converted from CMYK without its colour profile",)


GREY16 = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path, suffix):
    photograph = load(save(tmp_path / f"x.{suffix}", GREY16))
    np.testing.assert_array_equal(photograph.pixels[..., 0], RAMP)
    assert photograph.notices == ()


def test_sixteen_bit_grey_rounds_to_the_nearest_level(tmp_path):
    values = np.array([[0, 128, 129, 65535]], np.uint16)
    pixels = load(save(tmp_path / "x.png", values), 1, 4).pixels
    np.testing.assert_array_equal(pixels[0, :, 0], [0, 0, 1, 255])


def test_sixteen_bit_grey_of_many_rows(tmp_path):
    values = np.random.default_rng(5).integers(0, 65536, (150, 3), np.uint16)
    pixels = load(save(tmp_path / "x.png", values), 150, 3).pixels
    np.testing.assert_array_equal(pixels[..., 0], np.rint(values / 257))


def test_sixteen_bit_transparent_colour(tmp_path):
    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    path = tmp_path / "x.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 1, 16, 0, 0, 0, 0))
        + chunk(b"tRNS", struct.pack(">H", 300))
        + chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(">3H", 257, 300, 65535)))
        + chunk(b"IEND", b"")
    )
    photograph = load(path, 1, 3)
    assert photograph.pixels[0, :, 0].tolist() == [1, 255, 255]
    assert texts(photograph) == ("its transparent parts were put on white",)


def tiff(values, *, bits, photometric=1):
    """A minimal little-endian TIFF of one grey strip; ``values`` are the packed bytes."""
    height, width, data = values
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric)]
    tags += [(273, 8), (277, 1), (278, height), (279, len(data))]
    entries = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    return struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + directory


def test_twelve_bit_tiff_fills_the_range(tmp_path):
    # Two samples in three bytes: 0xFFF, 0x800 and 0x000, 0x010.
    path = tmp_path / "x.tif"
    path.write_bytes(tiff((1, 4, bytes([0xFF, 0xF8, 0x00, 0x00, 0x00, 0x10])), bits=12))
    pixels = load(path, 1, 4).pixels
    np.testing.assert_array_equal(pixels[0, :, 0], [255, 128, 0, 1])


def test_tiff_whose_white_is_zero(tmp_path):
    path = tmp_path / "x.tif"
    path.write_bytes(tiff((1, 2, struct.pack("<2H", 0, 65535)), bits=16, photometric=0))
    np.testing.assert_array_equal(load(path, 1, 2).pixels[0, :, 0], [255, 0])


@pytest.mark.parametrize(
    ("values", "levels", "notice"),
    [
        ([0.0, 0.25, 1.0], [0, 64, 255], "0, black, to 1, white"),
        ([0.0, 64.2, 255.0], [0, 64, 255], "0, black, to 255, white"),
        ([0.0, 16448.5, 65535.0], [0, 64, 255], "0, black, to 65535, white"),
        ([-1.0, 0.0, 1.0], [0, 128, 255], "-1, black, to 1, white"),
        ([-1.0, 0.5, 3.0], [0, 96, 255], "-1, black, to 3, white"),
        ([-3e38, 0.0, 3e38], [0, 128, 255], "-3e+38, black, to 3e+38, white"),
    ],
)
def test_float_grey(tmp_path, values, levels, notice):
    path = save(tmp_path / "x.tif", np.array([values], np.float32))
    photograph = load(path, 1, 3)
    np.testing.assert_array_equal(photograph.pixels[0, :, 0], levels)
    assert texts(photograph) == (f"its values were taken as {notice}",)


def test_wide_integers_are_stretched_and_the_notice_says_so(tmp_path):
    values = np.array([[-100, 0, 100]], np.int32)
    photograph = load(save(tmp_path / "x.tif", values), 1, 3)
    np.testing.assert_array_equal(photograph.pixels[0, :, 0], [0, 128, 255])
    assert texts(photograph) == ("its values were taken as -100, black, to 100, white",)


def test_a_flat_picture_of_odd_values_does_not_divide_by_zero(tmp_path):
    photograph = load(save(tmp_path / "x.tif", np.full((2, 2), 1e30, np.float32)), 2, 2)
    assert photograph.pixels.max() == 0


@pytest.mark.parametrize("suffix", ["gif", "tif", "webp", "png"])
def test_first_frame_with_a_notice(tmp_path, suffix):
    if suffix == "webp" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    others = [Image.fromarray(quadrants()[::-1].copy()), Image.new("RGB", (SIDE, SIDE), "white")]
    options = {"lossless": True} if suffix == "webp" else {}
    path = tmp_path / f"x.{suffix}"
    save(path, quadrants(), save_all=True, append_images=others, **options)
    photograph = load(path)
    assert np.abs(middles(photograph.pixels) - QUADRANTS).max() <= 1
    assert texts(photograph) == ("only the first of its 3 frames is used",)


@pytest.mark.parametrize(
    ("size", "target", "box"),
    [  # sizes are (height, width); box is top, bottom, left, right
        ((20, 30), (10, 10), (0, 20, 5, 25)),
        ((30, 20), (10, 10), (5, 25, 0, 20)),
        ((20, 20), (10, 20), (5, 15, 0, 20)),
        ((21, 20), (10, 10), (0, 20, 0, 20)),
        ((2, 9), (1, 1), (0, 2, 3, 5)),
    ],
)
def test_centre_crop(tmp_path, size, target, box):
    image = np.random.default_rng(2).integers(0, 256, (*size, 3), np.uint8)
    part = image[box[0] : box[1], box[2] : box[3]]
    path = save(tmp_path / "x.png", image)
    # At the size of the cut itself nothing is resampled, so that the pixels can be compared.
    photograph = load(path, *part.shape[:2])
    np.testing.assert_array_equal(photograph.pixels, part)
    words = f"its centre was cut out, {part.shape[1]}x{part.shape[0]} of {size[1]}x{size[0]} pixels"
    assert texts(photograph) == (words,)
    assert load(path, *target).pixels.shape == (*target, 3)


def test_a_strip_of_one_pixel_becomes_a_picture(tmp_path):
    path = save(tmp_path / "x.png", np.full((1, 500, 3), 77, np.uint8))
    photograph = load(path, 8, 8)
    assert np.unique(photograph.pixels).tolist() == [77]
    assert photograph.notices[1] == ("enlarged", "it was enlarged from 1x1 to 8x8 pixels")


def lanczos(signal, size):
    """Float64 Lanczos-3 reduction of ``[n]`` to ``[size]``, the window scaled by the reduction."""
    scale = len(signal) / size
    centres = (np.arange(size) + 0.5) * scale - 0.5
    distance = (np.arange(len(signal)) - centres[:, None]) / scale
    weights = np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0.0)
    return weights @ signal / weights.sum(1)


def test_reduction_is_lanczos_and_does_not_alias(tmp_path):
    signal = np.random.default_rng(3).integers(60, 190, 256).astype(np.float64)
    image = np.repeat(np.repeat(signal.astype(np.uint8)[None, :, None], 256, 0), 3, 2)
    pixels = load(save(tmp_path / "x.png", image), 32, 32).pixels
    assert np.abs(pixels[:, :, 0] - lanczos(signal, 32)).max() <= 1
    # A pattern too fine for the target becomes its mean (at the rim half the window is missing).
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 200
    pixels = load(save(tmp_path / "y.png", stripes), 32, 32).pixels
    assert np.abs(pixels[:, 3:-3].astype(int) - 100).max() <= 1


def test_several_photographs_have_their_own_names(tmp_path):
    paths = []
    for folder, suffix in (("a", "jpg"), ("b", "png"), ("c", "png")):
        (tmp_path / folder).mkdir()
        paths.append(save(tmp_path / folder / f"x.{suffix}", quadrants()))
    paths[1].write_bytes(b"damaged")
    photographs, skipped = load_photographs(paths, (SIDE, SIDE))
    # Names do not move up when a file before them is skipped.
    assert [photograph.name for photograph in photographs] == ["x", "x-3"]
    assert [(entry.path, "\n" in entry.reason) for entry in skipped] == [(paths[1], False)]


@pytest.mark.parametrize("resolution", [(0, 8), (8, -1), (8,), (8, 8, 3), (8.0, 8)])
def test_a_bad_resolution_is_an_error(tmp_path, resolution):
    path = save(tmp_path / "x.png", quadrants())
    with pytest.raises(InputError, match="a resolution is"):
        load_photograph(path, resolution)
    with pytest.raises(InputError, match="a resolution is"):
        load_photographs([path], resolution)


def test_png_round_trip(tmp_path):
    pixels = np.random.default_rng(4).integers(0, 256, (5, 7, 3), np.uint8)
    save_png(tmp_path / "x.png", pixels)
    save_png(tmp_path / "y.PNG", pixels[:, ::-1][:, ::-1])  # not contiguous
    with Image.open(tmp_path / "x.png") as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.asarray(image), pixels)
    assert (tmp_path / "x.png").read_bytes() == (tmp_path / "y.PNG").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["x.png", "y.PNG"]


def test_png_refuses_what_is_no_picture_and_misleading_names(tmp_path):
    with pytest.raises(TypeError, match="float64"):
        save_png(tmp_path / "x.png", np.zeros((4, 4, 3)))
    with pytest.raises(TypeError, match=r"\(4, 4\)"):
        save_png(tmp_path / "x.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match=r"end in \.png"):
        save_png(tmp_path / "x.jpg", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="does not exist"):
        save_png(tmp_path / "absent" / "x.png", np.zeros((4, 4, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_photographs_are_read_without_jax():
    code = "import sys, pmsfc_jax.io.images; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_palette_with_transparent_bytes_raises_no_warning(tmp_path):
    # Pillow warns about this very common kind of file; warnings are errors in these tests.
    image = Image.new("P", (SIDE, SIDE), 200)
    image.info["transparency"] = bytes(range(256))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    (tmp_path / "x.png").write_bytes(buffer.getvalue())
    assert load(tmp_path / "x.png").pixels.shape == (SIDE, SIDE, 3)
