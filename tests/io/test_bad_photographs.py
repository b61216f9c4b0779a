"""Files that cannot be used: each is one plain sentence that names the file."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, features

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.images import load_photograph, load_photographs

FORMATS = ["JPEG", "PNG", "TIFF", "BMP", "GIF", "PPM"]
FORMATS += ["WEBP"] if features.check("webp") else []
FORMATS += ["JPEG2000"] if features.check("jpg_2000") else []
FORMATS += ["AVIF"] if features.check("avif") else []


def refusal(path, **options):
    """The reason given for refusing ``path``, after checking that it is one good sentence."""
    with pytest.raises(InputError) as caught:
        load_photograph(path, (8, 8), **options)
    message = str(caught.value)
    reason = caught.value.reason
    assert message == f"cannot use {path}: {reason}"
    assert "\n" not in message
    assert "<" not in message  # no object of ours or Pillow's printed
    assert load_photographs([path], (8, 8), **options) == ([], [(path, reason)])
    return reason


@pytest.fixture
def noise():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_truncated(tmp_path, noise, kind, share):
    path = tmp_path / "x.img"
    noise.save(path, kind)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    reason = refusal(path)
    assert "truncated" in reason or "not an image of a known kind" in reason
    # What begins like a photograph is not called something else.
    assert share < 0.3 or kind in ("AVIF", "BMP", "PPM") or "truncated" in reason


@pytest.mark.parametrize("kind", FORMATS)
def test_flipped_bytes_give_a_picture_or_a_refusal_and_nothing_else(tmp_path, noise, kind):
    path = tmp_path / "x.img"
    noise.save(path, kind)
    data = path.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(60):
        damaged = bytearray(data)
        for place in rng.integers(0, min(len(data), 600), 3):
            damaged[place] = int(rng.integers(0, 256))
        path.write_bytes(damaged)
        photographs, skipped = load_photographs([path], (8, 8), max_pixels=1_000_000)
        assert len(photographs) + len(skipped) == 1
        assert all("\n" not in entry.reason for entry in skipped)


def test_empty(tmp_path):
    path = tmp_path / "x.jpg"
    path.touch()
    assert refusal(path) == "the file is empty"


@pytest.mark.parametrize("content", [b"hello", b"no", b"\1" + os.urandom(5000), b"\0" * 5000])
def test_no_image(tmp_path, content):
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    assert "expected a JPEG, PNG" in refusal(path)


def test_eps_is_never_handed_to_an_interpreter(tmp_path):
    path = tmp_path / "x.jpg"
    path.write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    )
    assert "its content is PostScript, not a photograph" in refusal(path)


def test_absent_folder_and_dangling_link(tmp_path):
    assert refusal(tmp_path / "gone.jpg") == "it does not exist"
    assert refusal(tmp_path) == "it is a folder, not a photograph"
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    assert refusal(tmp_path / "link.jpg") == "it does not exist"


def test_a_pipe_does_not_hang(tmp_path):
    path = tmp_path / "x.jpg"
    os.mkfifo(path)
    assert refusal(path) == "it is not a regular file"


def test_permission_denied(tmp_path, noise, monkeypatch):
    path = tmp_path / "x.png"
    noise.save(path)
    path.chmod(0)
    if os.geteuid() == 0:  # root may read everything

        def refuse(*_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("builtins.open", refuse)
    assert refusal(path) == "permission denied"


def test_own_pixel_limit(tmp_path, noise):
    path = tmp_path / "x.png"
    noise.save(path)
    assert refusal(path, max_pixels=3599) == (
        "it has 60x60 pixels and the limit is 0.003599 million; make it smaller"
    )
    assert load_photograph(path, (8, 8), max_pixels=3600).pixels.shape == (8, 8, 3)


def png_header(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = (
        struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    )
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((9000, 9000), "9000x9000 pixels and the limit is 64 million"),
        ((12000, 9000), "12000x9000 pixels"),  # Pillow warns from 89 million
        ((60000, 60000), "more pixels than Pillow decodes"),  # and raises from 179 million
    ],
)
def test_enormous_is_told_from_the_header(tmp_path, size, words, monkeypatch):
    path = tmp_path / "x.png"
    path.write_bytes(png_header(*size))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    assert words in refusal(path)


def test_not_a_number(tmp_path):
    path = tmp_path / "x.tif"
    Image.fromarray(np.array([[0.0, np.nan]], np.float32)).save(path)
    assert refusal(path) == "it holds values that are not finite numbers"


def test_not_enough_memory(tmp_path, noise, monkeypatch):
    path = tmp_path / "x.png"
    noise.save(path)

    def exhaust(self):
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", exhaust)
    assert "not enough memory" in refusal(path)


def test_a_name_with_a_line_break_stays_on_one_line(tmp_path):
    with pytest.raises(InputError, match=r"^cannot use .*two\\nlines\.jpg: it does not exist$"):
        load_photograph(tmp_path / "two\nlines.jpg", (8, 8))


def test_good_ones_finish_in_order_among_bad_ones(tmp_path, noise):
    for name in ("a.png", "c.png"):
        noise.save(tmp_path / name)
    (tmp_path / "b.png").write_bytes(b"no")
    paths = [tmp_path / name for name in ("a.png", "b.png", "c.png", "d.png")]
    photographs, skipped = load_photographs(paths, (8, 8))
    assert [photograph.name for photograph in photographs] == ["a", "c"]
    assert [entry.path for entry in skipped] == [paths[1], paths[3]]
