"""The page of `pmsfc evaluate`: verdicts by intervals, a chart of them, pictures of each method."""

import re

import numpy as np
import pytest

from pmsfc_jax.report import methods
from pmsfc_jax.report.methods import interval_chart, save_methods_page
from tests.report.test_html import read


def row(method, psnr, to_best, **more):
    known = {"method": method, "codes": 4, "weights_per_channel": 2, "steps": 10}
    known |= {"psnr": psnr, "psnr_low": psnr - 1, "psnr_high": psnr + 2}
    ends = (None, None) if to_best is None else (to_best - 0.5, to_best + 0.5)
    known |= dict(zip(("to_best_low", "to_best_high"), ends, strict=True), to_best=to_best)
    return known | {"seconds_per_image": 1.5, "peak_mib": None} | more


ROWS = [row("<best>", 30.0, None), row("near", 29.8, -0.2), row("far", 20.0, -10.0)]


@pytest.fixture
def text(tmp_path):
    targets = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
    pictures = {row["method"]: targets for row in ROWS}
    page = save_methods_page(
        tmp_path, ROWS, targets, pictures, settings={"generator": "g"}, command="pmsfc <y>"
    )
    return page.read_text()


def test_methods_beside_the_best(text):
    # 16 photographs of 20: in the matrix with three methods, and beside the best under a slider.
    assert len(read(text).sources) == 16 * 4 + 16 * 2
    marked = re.findall(r'<td class="(yes|no|)" data-column="verdict">([^<]*)</td>', text)
    assert marked == [("yes", "best"), ("", "no different"), ("no", "worse")]
    for said in (
        "3 methods on the same 20 photographs. &lt;best&gt; has the highest mean PSNR; 1 is worse",
        "30.00 (29.00\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}32.00)", "pmsfc &lt;y&gt;",
    ):  # fmt: skip
        assert said in text, said
    assert "distance" not in text[text.index("<body>") :]


def test_dots_and_intervals_lie_where_their_values_are():
    chart = interval_chart(ROWS)
    ticks = {
        float(value): float(x) for x, value in
        re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="middle">([\d.]+)</text>', chart)
    }  # fmt: skip
    assert list(ticks) == [20, 22, 24, 26, 28, 30, 32]
    dots = [float(x) for x in re.findall(r'cx="([\d.]+)"', chart)]
    assert dots[0] == pytest.approx(ticks[30], abs=0.11)
    assert dots[2] == pytest.approx(ticks[20], abs=0.11)
    ends = re.findall(r'<line x1="([\d.]+)" x2="([\d.]+)"', chart)
    assert float(ends[2][1]) == pytest.approx(ticks[22], abs=0.11)
    assert chart.count('class="best"') == 1


def test_methods_that_are_all_the_same():
    alone = row("one", 20.0, None) | {"psnr_low": 20.0, "psnr_high": 20.0}
    assert "circle" in interval_chart([alone])
    assert methods.verdict(alone) == "best"


@pytest.mark.slow
def test_a_page_of_many_methods_on_large_photographs_is_below_20_mb(tmp_path):
    """Noise, which nothing compresses, at 256x256."""
    targets = np.random.default_rng(0).integers(0, 256, (16, 256, 256, 3), np.uint8)
    rows = [row("best", 30.0, None), *(row(f"m{i}", 20.0, -10.0) for i in range(13))]
    pictures = {one["method"]: targets for one in rows}
    page = save_methods_page(tmp_path, rows, targets, pictures, settings={"generator": "g"})
    assert page.stat().st_size < 20e6
