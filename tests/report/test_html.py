import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.report import html


class Balance(HTMLParser):
    """Checks that every element is closed in order, and collects what is loaded from elsewhere."""

    VOID = ("meta", "img", "br", "link", "input")

    def __init__(self):
        super().__init__()
        self.stack, self.sources = [], []

    def handle_starttag(self, tag, attrs):
        self.sources += [v for name, v in attrs if name in ("src", "href") and v != "data:,"]
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


def read(text):
    parser = Balance()
    parser.feed(text)
    assert parser.stack == []
    return parser


def test_a_page_is_whole_and_loads_nothing():
    picture = np.random.default_rng(0).integers(0, 255, (5, 7, 3), np.uint8)
    page = html.page(
        "Title <b>",
        [
            html.section("A & B"),
            html.paragraph("x < y"),
            html.table(["name", "value"], [["<i>", "1"], ["b", "2"]], marks=["yes", ""]),
            html.figure(picture, 'a "caption"'),
            html.preformatted("a\n  b > c"),
        ],
    )
    sources = read(page).sources
    assert len(sources) == 1
    kind, data = sources[0].split(",")
    assert kind == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), picture)
    assert not re.search(r"https?://|@import|url\(", page)
    for text in ("Title &lt;b&gt;", "A &amp; B", "x &lt; y", "&lt;i&gt;", "b &gt; c"):
        assert text in page
    assert "prefers-color-scheme: dark" in page


def test_marks_and_alignment_of_a_table():
    text = html.table(["a", "b"], [["1", "2"], ["3", "4"]], left=(0,), marks=["no", ""])
    assert '<td class="left" data-column="a">1</td><td class="no" data-column="b">2</td>' in text
    assert '<td class="left" data-column="a">3</td><td class="" data-column="b">4</td>' in text


@pytest.mark.parametrize(("rows", "marks"), [([["1"]], None), ([["1", "2"]], ["yes", "no"])])
def test_a_table_that_does_not_fit(rows, marks):
    with pytest.raises(InputError, match="2 columns"):
        html.table(["a", "b"], rows, marks=marks)
