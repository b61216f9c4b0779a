"""HEIC where its plug-in is installed, and named where it is not; other foreign files by name."""

import importlib.util
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io import foreign
from pmsfc_jax.io.images import load_photograph


def reason(path):
    with pytest.raises(InputError) as caught:
        load_photograph(path, (8, 8))
    return caught.value.reason


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1"])
def test_heic_without_its_plugin_names_it(tmp_path, monkeypatch, brand):
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    monkeypatch.setattr("pmsfc_jax.io.decode.register_plugins", lambda: None)
    path = tmp_path / "x.heic"
    path.write_bytes(b"\0\0\0\x1cftyp" + brand + b"\0\0\0\0mif1heicmiaf" + b"\0" * 400)
    assert "pillow-heif: install pmsfc-jax[heif], or save it as JPEG" in reason(path)


def test_avif_where_pillow_does_not_read_it(tmp_path, monkeypatch):
    monkeypatch.delitem(Image.OPEN, "AVIF", raising=False)
    path = tmp_path / "x.avif"
    path.write_bytes(b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B" + b"\0" * 400)
    assert "install Pillow 11.3 or newer" in reason(path)


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\xff\x0a", "JPEG XL"),
        (b"%PDF-1.7", "PDF"),
        (b"<svg xmlns=", "SVG"),
        (b"PK\x03\x04", "ZIP"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"<!DOCTYPE html>", "HTML"),
    ],
)
def test_other_files_are_named(tmp_path, start, name):
    path = tmp_path / "x.jpg"
    path.write_bytes(start + b"\0" * 100)
    assert f"its content is {name}, not a photograph" in reason(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xd8\xff\xe0", "it begins like JPEG and is truncated or damaged"),
        (b"\x89PNG\r\n\x1a\n", "it begins like PNG and is truncated or damaged"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "fetch it with git lfs pull"),
    ],
)
def test_what_a_file_should_have_been_is_said(tmp_path, content, words):
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    assert words in reason(path)


def test_a_tiff_that_pillow_cannot_read_is_called_one(tmp_path):
    """Three channels of float32, which Pillow has no mode for."""
    pixels = np.zeros((4, 4, 3), "<f4").tobytes()
    tags = [
        (256, 4),
        (257, 4),
        (259, 1),
        (262, 2),
        (273, 8),
        (277, 3),
        (278, 4),
        (279, len(pixels)),
    ]
    tags += [(258, 32), (339, 3)]
    entries = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags)
    path = tmp_path / "x.tif"
    head = struct.pack("<2sHI", b"II", 42, 8 + len(pixels))
    path.write_bytes(head + pixels + struct.pack("<H", len(tags)) + entries + b"\0" * 4)
    assert "such as floats in colour; save it with 8 or 16 bits" in reason(path)


HEIF = importlib.util.find_spec("pillow_heif") is not None
#: Loads in a process of its own, so that the plug-in is registered by us and stays there.
PROGRAM = """
import sys
import numpy as np
from pmsfc_jax.io.images import load_photographs
photographs, skipped = load_photographs(sys.argv[2:], (64, 96))
np.savez(sys.argv[1], *[photograph.pixels for photograph in photographs])
print([[notice.kind for notice in photograph.notices] for photograph in photographs], skipped)
"""


@pytest.mark.skipif(not HEIF, reason="pillow-heif is not installed")
def test_heic_with_its_plugin(tmp_path):
    import pillow_heif

    y, x = np.mgrid[0:64, 0:96]
    pixels = np.stack([2 * x, 3 * y, 200 - x - y], -1).astype(np.uint8)
    exif = Image.Exif()
    exif[274] = 6  # HEIC turns its picture by itself: EXIF must not do it again
    for name, options in (("plain", {}), ("turned", {"exif": exif})):
        heif = pillow_heif.from_pillow(Image.fromarray(pixels))
        heif.save(tmp_path / f"{name}.heic", quality=95, **options)
    (tmp_path / "short.heic").write_bytes((tmp_path / "plain.heic").read_bytes()[:300])
    paths = [tmp_path / f"{name}.heic" for name in ("plain", "turned", "short")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).resolve().parents[2]), *sys.path])
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "out.npz", *paths],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "short.heic" in done.stdout
    with np.load(tmp_path / "out.npz") as found:
        assert len(found.files) == 2
        for name in found.files:
            assert np.abs(found[name].astype(int) - pixels).mean() < 4


def test_plugins_are_registered_where_they_are_installed(monkeypatch):
    made = []

    class Plugin:
        register_heif_opener = staticmethod(lambda: made.append("heif"))
        register_avif_opener = staticmethod(lambda: made.append("avif"))

    monkeypatch.setitem(sys.modules, "pillow_heif", Plugin)
    foreign.register_plugins.__wrapped__()
    assert made[0] == "heif"
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    foreign.register_plugins.__wrapped__()
    assert made.count("heif") == 1
