"""Sheets of a run: pages of bounded size, made from the files."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.io.images import save_png
from pmsfc_jax.report import runs
from pmsfc_jax.report.runs import save_run_sheets
from pmsfc_jax.report.sheet import reconstruction_sheet


@pytest.fixture
def run(tmp_path):
    """A run of seven images."""
    rng = np.random.default_rng(0)
    for folder in ("targets", "images"):
        (tmp_path / folder).mkdir()
        for i in range(7):
            picture = rng.integers(0, 256, (8, 8, 3), np.uint8)
            save_png(tmp_path / folder / f"p{i}.png", picture)
    return tmp_path


PSNR = {f"p{i}": 20.0 + i for i in range(7)}


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def expected(run, numbers):
    targets, images = (
        [read(run / folder / f"p{i}.png") for i in numbers] for folder in ("targets", "images")
    )
    names = [f"p{i}" for i in numbers]
    psnr = [20.0 + i for i in numbers]
    first = numbers[0] + 1
    return reconstruction_sheet(targets, images, names=names, psnr=psnr, cell=160, first=first)


def test_pages(run, monkeypatch):
    [page] = save_run_sheets(run, PSNR)
    assert page.name == "sheet.png"
    np.testing.assert_array_equal(read(page), expected(run, range(7)))
    monkeypatch.setattr(runs, "PER_PAGE", 3)
    pages = save_run_sheets(run, PSNR)
    assert [page.name for page in pages] == ["sheet.png", "sheet-2.png", "sheet-3.png"]
    for page, numbers in zip(pages, [range(3), range(3, 6), range(6, 7)], strict=True):
        np.testing.assert_array_equal(read(page), expected(run, numbers))


def test_pages_of_a_longer_run_go(run, monkeypatch):
    monkeypatch.setattr(runs, "PER_PAGE", 2)
    (run / "sheet-music.png").touch()
    assert len(save_run_sheets(run, PSNR)) == 4
    assert len(save_run_sheets(run, {"p0": 20.0, "p1": 21.0, "p2": 22.0})) == 2
    names = sorted(path.name for path in run.glob("sheet*"))
    assert names == ["sheet-2.png", "sheet-music.png", "sheet.png"]
    assert save_run_sheets(run, {}) == []
    assert sorted(path.name for path in run.glob("sheet*")) == ["sheet-music.png"]


def test_an_image_whose_pictures_are_gone_or_damaged_is_left_out(run):
    (run / "images" / "p0.png").unlink()
    (run / "targets" / "p1.png").write_bytes(b"\x89PNG")
    save_png(run / "images" / "p2.png", np.zeros((4, 4, 3), np.uint8))
    [page] = save_run_sheets(run, {"p0": 20.0, "p1": 21.0, "p2": 22.0, "p3": 23.0})
    np.testing.assert_array_equal(read(page), expected(run, range(3, 4)))
    assert save_run_sheets(run, {"p0": 20.0}) == []


def test_memory_does_not_grow_with_the_number_of_pages(run, monkeypatch):
    monkeypatch.setattr(runs, "PER_PAGE", 4)
    for folder in ("targets", "images"):
        for i in range(60):
            save_png(run / folder / f"q{i}.png", np.full((64, 64, 3), i, np.uint8))

    def peak(count):
        save_run_sheets(run, {f"q{i}": 20.0 for i in range(4)})  # the font is loaded once
        tracemalloc.start()
        save_run_sheets(run, {f"q{i}": 20.0 for i in range(count)})
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(60) < 1.1 * peak(8)
