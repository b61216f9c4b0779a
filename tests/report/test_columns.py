"""The page of compared restorations: verdicts beside the best baseline of each column."""

import re

import numpy as np
import pytest

from pmsfc_jax.report.columns import Column, Line, save_columns_page
from tests.report.test_html import read

LINES = [
    Line("bicubic", (20.0, 19.0, 21.0), None),
    Line("<tv>", (22.0, 21.0, 23.0), None),
    Line("one", (25.0, 24.0, 26.0), (3.0, 2.0, 4.0)),
    Line("two", (22.1, 21.0, 23.0), (0.1, -1.0, 1.0)),
    Line("three", (18.0, 17.0, 19.0), (-4.0, -5.0, -3.0)),
]


def column(name, lines, side=8):
    pictures = np.random.default_rng(0).integers(0, 256, (10, side, side, 3), np.uint8)
    titles = ("given", *(line.name for line in lines), "truth")
    return Column(name, lines, "<tv>", dict.fromkeys(titles, pictures))


def test_verdicts_and_how_many_there_are(tmp_path):
    columns = [column("super4", LINES), column("hole", LINES[1:4])]
    page = save_columns_page(tmp_path, columns, settings={"generator": "g"}, command="pmsfc <z>")
    text = page.read_text()
    assert len(read(text).sources) == 8 * 7 + 8 * 5
    marked = re.findall(r'<td class="(yes|no|)" data-column="verdict">([^<]*)</td>', text)
    assert marked == [
        ("", "baseline"), ("", "best baseline"), ("yes", "better"), ("", "no different"),
        ("no", "worse"), ("", "best baseline"), ("yes", "better"), ("", "no different"),
    ]  # fmt: skip
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", text)
    assert cells[:12] == ["one", "2", "0", "0", "two", "0", "2", "0", "three", "0", "0", "1"]
    assert "+3.00 (+2.00\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}+4.00)" in text
    assert "pmsfc &lt;z&gt;" in text


def test_without_a_generator_there_is_no_overview(tmp_path):
    page = save_columns_page(tmp_path, [column("c", LINES[:2])], settings={"generator": "g"})
    assert page.read_text().count("<table") == 3


@pytest.mark.slow
def test_a_page_of_all_columns_of_large_photographs_is_below_20_mb(tmp_path):
    """Noise, which nothing compresses, at 256x256."""
    columns = [column(f"c{i}", LINES, side=256) for i in range(14)]
    page = save_columns_page(tmp_path, columns, settings={"generator": "g"})
    assert page.stat().st_size < 20e6
