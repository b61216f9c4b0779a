"""The page of a run: made from its files, in pages of bounded size."""

import re

import numpy as np
import pytest

from pmsfc_jax.io.codes import SavedCodes, save_codes
from pmsfc_jax.io.images import save_png
from pmsfc_jax.report import inversion
from pmsfc_jax.report.inversion import save_run_pages
from tests.report.test_html import read

SETTINGS = {
    "generator": "a<b",
    "inversion": {"composition": "single", "layer": 2, "num_steps": 3, "solver": {"name": "adam"}},
    "environment": {"jax": "1"},
}


def rows(count):
    return {
        f"p{i}": {"image": f"p{i}", "psnr_db": f"{20 + i}.000", "ssim": "0.5", "seconds": "1.0"}
        for i in range(count)
    }


def add(run, name, side=8, steps=3):
    rng = np.random.default_rng(len(name))
    for folder in ("targets", "images"):
        (run / folder).mkdir(exist_ok=True)
        save_png(run / folder / f"{name}.png", rng.integers(0, 256, (side, side, 3), np.uint8))
    (run / "codes").mkdir(exist_ok=True)
    w = np.ones((1, 1, 1, 4))
    losses = np.array([[3.0, 2.0, 1.0]])[:, :steps]
    codes = SavedCodes(
        np.zeros((1, 1, 1, 5)), w, (), w[0, 0], losses, 2, "single", "default", "g", ""
    )
    save_codes(run / "codes" / f"{name}.npz", codes)


@pytest.fixture
def run(tmp_path):
    for i in range(5):
        add(tmp_path, f"p{i}")
    return tmp_path


def test_one_page(run):
    [page] = save_run_pages(run, rows(5), SETTINGS, command="pmsfc invert <x>")
    assert page.name == "report.html"
    text = page.read_text()
    assert len(read(text).sources) == 10
    assert text.count('class="compare"') == 5
    assert text.count('class="one"') == 5
    for said in (
        "Inversion by a&lt;b", "5 photographs, composed by single at layer 2 in 3 steps: 22.00 dB",
        "p3: 23.000 dB", "pmsfc invert &lt;x&gt;", "inversion.solver.name", "environment.jax",
    ):  # fmt: skip
        assert said in text, said


def test_many_photographs_are_split_and_pages_of_a_longer_run_go(run, monkeypatch):
    monkeypatch.setattr(inversion, "PER_PAGE", 2)
    (run / "report-card.html").touch()
    pages = save_run_pages(run, rows(5), SETTINGS, command="c")
    assert [page.name for page in pages] == ["report.html", "report-2.html", "report-3.html"]
    for number, page in enumerate(pages):
        text = page.read_text()
        links = [source for source in read(text).sources if not source.startswith("data:")]
        others = [other.name for other in pages if other != page]
        assert links == [*others, *others]
        assert ("p4: 24" in text) == (number == 2)
    save_run_pages(run, rows(2), SETTINGS, command="c")
    assert sorted(path.name for path in run.glob("report*")) == ["report-card.html", "report.html"]


def test_what_is_gone_is_in_the_table_alone(run):
    (run / "images" / "p0.png").unlink()
    (run / "codes" / "p1.npz").write_bytes(b"no codes")
    [page] = save_run_pages(run, rows(2), SETTINGS, command="c")
    text = page.read_text()
    assert text.count('class="compare"') == 1
    assert text.count('class="one"') == 1
    assert {"p0", "p1", "mean"} <= set(re.findall(r"<td[^>]*>([^<]*)</td>", text))


def test_one_photograph_has_no_mean(run):
    [page] = save_run_pages(run, rows(1), SETTINGS, command="c")
    assert "mean" not in re.findall(r"<td[^>]*>([^<]*)</td>", page.read_text())
    assert "1 photograph, composed" in page.read_text()


@pytest.mark.slow
def test_a_page_of_a_hundred_large_photographs_is_below_20_mb(tmp_path):
    """Noise, which nothing compresses, at 256x256."""
    for i in range(100):
        add(tmp_path, f"p{i}", side=256)
    [page] = save_run_pages(tmp_path, rows(100), SETTINGS, command="c")
    assert page.stat().st_size < 20e6


def test_images_that_were_done_at_different_steps_share_a_chart(run):
    add(run, "p1", steps=2)
    text = save_run_pages(run, rows(5), SETTINGS, command="c")[0].read_text()
    assert text.count('class="one"') == 5
    assert "were done earlier go on level" in text
    [points] = re.findall(r'class="one" points="([^"]*)"><title>p1<', text)
    heights = [point.split(",")[1] for point in points.split()]
    assert len(heights) == 3
    assert heights[1] == heights[2]
