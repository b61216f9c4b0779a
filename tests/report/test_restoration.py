"""The pages of `pmsfc restore`: pictures of other sizes, truths that may be there, verdicts."""

import re

import numpy as np
import pytest

from pmsfc_jax.io.images import save_png
from pmsfc_jax.report.restoration import save_restoration_pages
from tests.report.test_html import read

SETTINGS = {"generator": "g", "samples": 4}


def row(i, **more):
    base = {"image": f"p{i}", "task": "inpaint,denoise", "uncertainty": f"{i + 1}.500"}
    return base | {"fidelity": "2.000", "simple_way": "bicubic <1>", "source": "x"} | more


@pytest.fixture
def run(tmp_path):
    rng = np.random.default_rng(0)
    for folder in ("given", "restored", "uncertainty", "baseline"):
        (tmp_path / folder).mkdir()
        side = 4 if folder == "given" else 16
        for i in range(3):
            picture = rng.integers(0, 256, (side, side, 3), np.uint8)
            save_png(tmp_path / folder / f"p{i}.png", picture)
    return tmp_path


def test_given_restored_uncertainty_and_the_simple_way(run):
    rows = {f"p{i}": row(i) for i in range(3)}
    [page] = save_restoration_pages(run, rows, SETTINGS, command="pmsfc restore <x>")
    text = page.read_text()
    assert len(read(text).sources) == 3 * 4
    assert text.count('class="compare"') == 3
    for said in (
        "p0: inpaint, denoise", "bicubic &lt;1&gt;", "pmsfc restore &lt;x&gt;", "3 photographs",
    ):  # fmt: skip
        assert said in text, said
    assert "2.500" in re.findall(r"<td[^>]*>([^<]*)</td>", text)  # the mean of the uncertainties
    assert "nearer" not in text


def test_beside_the_truth_there_is_a_verdict(run):
    rows = {
        "p0": row(0, psnr_db="20.0", simple_psnr_db="18.0"),
        "p1": row(1, psnr_db="17.0", simple_psnr_db="18.0"),
        "p2": row(2, psnr_db="", simple_psnr_db=""),
    }
    truth = np.zeros((16, 16, 3), np.uint8)
    [page] = save_restoration_pages(
        run,
        rows,
        SETTINGS,
        truths={"p0": truth, "p1": truth},
        chosen={"inpaint 16x16 [(1, 2)]": {"layer": 3}},
    )
    text = page.read_text()
    assert len(read(text).sources) == 3 * 4 + 2
    assert "1 of 2 are nearer" in text
    assert "p0: inpaint, denoise, 20.0 dB beside 18.0 dB" in text
    marked = re.findall(r'<td class="(yes|no)"[^>]*>([^<]*)</td>', text)
    assert marked == [("yes", "yes"), ("no", "no")]
    assert "<h3>inpaint 16x16</h3>" in text


def test_a_photograph_whose_pictures_are_gone_is_in_the_table_alone(run):
    (run / "restored" / "p1.png").unlink()
    [page] = save_restoration_pages(run, {f"p{i}": row(i) for i in range(3)}, SETTINGS)
    assert page.read_text().count('class="compare"') == 2


@pytest.mark.slow
def test_a_page_of_a_hundred_large_photographs_is_below_20_mb(tmp_path):
    """Noise, which nothing compresses, at 256x256, with truths."""
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    for folder in ("given", "restored", "uncertainty", "baseline"):
        (tmp_path / folder).mkdir()
        for i in range(100):
            save_png(tmp_path / folder / f"p{i}.png", noise)
    rows = {f"p{i}": row(i) for i in range(100)}
    [page] = save_restoration_pages(tmp_path, rows, SETTINGS, truths=dict.fromkeys(rows, noise))
    assert page.stat().st_size < 20e6
