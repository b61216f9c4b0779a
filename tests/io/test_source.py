"""Photographs that are known before they are decoded, and decoded a batch at a time."""

import hashlib
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.io.crop import Crop
from pmsfc_jax.io.images import load_photographs
from pmsfc_jax.io.notices import Notice
from pmsfc_jax.io.photographs import identify_photographs
from pmsfc_jax.io.source import PhotographSource


@pytest.fixture
def paths(tmp_path):
    """Five pictures of different sizes, the third of which is cut short in its pixels."""
    rng = np.random.default_rng(0)
    found = []
    for number, (height, width) in enumerate([(8, 8), (20, 20), (30, 30), (9, 12), (8, 16)]):
        path = tmp_path / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(path)
        found.append(path)
    found[2].write_bytes(found[2].read_bytes()[:1500])
    return found


def test_a_photograph_is_known_by_its_bytes(paths, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    told = []
    files, skipped = identify_photographs(
        paths, on_progress=lambda done, total: told.append((done, total))
    )
    assert skipped == []  # what is wrong with the third is not seen from its header
    assert [file.path for file in files] == paths
    assert [file.name for file in files] == list("01234")
    assert [f.sha256 for f in files] == [hashlib.sha256(p.read_bytes()).hexdigest() for p in paths]
    assert told == [(done, 5) for done in range(6)]


def test_what_is_seen_to_be_wrong_is_told_before_anything_is_decoded(paths, tmp_path):
    empty, text, large = (tmp_path / name for name in ("empty.jpg", "text.png", "large.png"))
    empty.touch()
    text.write_text("no picture")
    Image.new("RGB", (40, 40)).save(large)
    gone = tmp_path / "gone.jpg"
    given = [paths[0], empty, text, large, gone, tmp_path, paths[1]]
    files, skipped = identify_photographs(given, max_pixels=1000)
    assert [file.path for file in files] == [paths[0], paths[1]]
    assert [entry.path for entry in skipped] == [empty, text, large, gone, tmp_path]
    for entry, words in zip(
        skipped,
        ["empty", "not an image", "40x40 pixels", "does not exist", "it is a folder"],
        strict=True,
    ):
        assert words in entry.reason


def test_a_crop_that_no_turn_can_hold_is_told_beforehand(paths):
    crop = Crop.parse("0,0,9,12")
    files, skipped = identify_photographs(paths, crop=crop)
    assert [file.name for file in files] == ["1", "2", "3"]  # 12x9 may lie on its side
    assert all("not all of the crop 0,0,9,12" in entry.reason for entry in skipped)


def test_names_do_not_depend_on_what_can_be_read(paths, tmp_path):
    (tmp_path / "more").mkdir()
    bad, good = tmp_path / "more" / "0.jpg", tmp_path / "more" / "0.png"
    bad.write_bytes(b"no")
    good.write_bytes(paths[0].read_bytes())
    files, _ = identify_photographs([paths[0], bad, good])
    assert [file.name for file in files] == ["0", "0-3"]
    assert files[0].sha256 == files[1].sha256


def test_rows_are_taken_in_any_order_and_bad_ones_are_told(paths):
    files, _ = identify_photographs(paths)
    bad, told = [], {}
    source = PhotographSource(
        files,
        (8, 8),
        on_bad=lambda row, reason: bad.append((row, reason)),
        on_notices=told.__setitem__,
    )
    assert len(source) == 5
    rows, pixels = source.take_pixels([4, 2, 0])
    assert rows == (4, 0)
    assert bad == [(2, "it is truncated or damaged; copy or save it again")]
    expected, _ = load_photographs([paths[4], paths[0]], (8, 8))
    np.testing.assert_array_equal(pixels, [photograph.pixels for photograph in expected])
    assert told == {4: (Notice("square", "its centre was cut out, 8x8 of 16x8 pixels"),), 0: ()}
    rows, pixels = source.take_pixels([2])
    assert (rows, pixels.shape) == ((), (0, 8, 8, 3))


def test_a_photograph_that_vanishes_is_told(paths):
    files, _ = identify_photographs(paths[:2])
    os.unlink(paths[0])
    bad = []
    source = PhotographSource(files, (8, 8), on_bad=lambda *told: bad.append(told))
    assert source.take_pixels([0, 1]).rows == (1,)
    assert bad == [(0, "it does not exist")]


def test_nothing_is_held(tmp_path):
    path = tmp_path / "x.png"
    Image.new("RGB", (300, 300)).save(path)
    files, _ = identify_photographs([path])
    source = PhotographSource(files * 100, (256, 256))
    source.take_pixels([0])
    tracemalloc.start()
    for row in range(40):
        source.take_pixels([row])
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 200_000  # one picture
    assert peak < 3_000_000


def test_photographs_are_identified_without_jax():
    code = "import sys, pmsfc_jax.io.photographs; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
