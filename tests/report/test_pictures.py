import re

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.report import html
from pmsfc_jax.report.curves import loss_curves
from pmsfc_jax.report.pictures import compare, frames, gallery, matrix
from tests.report.test_html import read


def picture(value, height=8, width=12):
    return np.full((height, width, 3), value, np.uint8)


def test_parts_are_whole_and_escaped():
    parts = [
        compare(picture(0), picture(9), ("<a>", "b"), caption='x "y" & z'),
        frames([picture(i) for i in range(3)], ["0 < 1", "1", "2"], caption="c", start=1),
        matrix(["<r>"], ["c", "d"], [[picture(0), None]], caption="m"),
        loss_curves([[3.0, 2.0, 1.0]], ["<n>"]),
    ]
    page = html.page("t", [gallery(parts[:2]), *parts[2:]])
    assert all(source.startswith("data:image/png") for source in read(page).sources)
    body = page[page.index("<body>") : page.index("<script>")]
    assert not re.search(r"<[ar]>|<n>|0 < 1|y\" &", body)
    assert body.count("<img") == 2 + 3 + 1
    assert body.count('type="range"') == 2
    assert body.count(" hidden>") == 2


def test_small_pictures_are_enlarged_by_whole_factors_and_large_ones_reduced():
    def width(side):
        part = compare(picture(0, side, side), picture(1, side, side))
        return int(re.search(r"width:(\d+)px", part)[1])

    assert [width(side) for side in (32, 100, 320, 400, 1024)] == [320, 300, 320, 400, 512]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: compare(picture(0), picture(0, 9)), "same size"),
        (lambda: frames([picture(0)], ["a"]), "two or more"),
        (lambda: frames([picture(0), picture(1)], ["a"]), "with 1"),
        (lambda: frames([picture(0), picture(1)], ["a", "b"], start=2), "number 2"),
        (lambda: frames([picture(0), picture(0, 9)], ["a", "b"]), "one size"),
        (lambda: matrix(["a"], ["b", "c"], [[None]]), "1 rows and 2 columns"),
    ],
)
def test_what_does_not_fit(make, said):
    with pytest.raises(InputError, match=said):
        make()


def points(svg, kind):
    return [
        [tuple(map(float, pair.split(","))) for pair in found.split()]
        for found in re.findall(rf'class="{kind}" points="([^"]*)"', svg)
    ]


def test_curves_lie_where_their_losses_are():
    losses = np.array([[100.0, 10.0, 1.0], [100.0, 1.0, np.nan], [100.0, 100.0, np.inf]])
    svg = loss_curves(losses, ["a", "b", "c"])
    a, b, c = points(svg, "one")
    # A logarithmic scale: equal factors are equal distances; what is no number has no point.
    assert a[1][1] - a[0][1] == pytest.approx(a[2][1] - a[1][1], abs=0.11)
    assert [len(curve) for curve in (a, b, c)] == [3, 2, 2]
    assert b[1] == (a[1][0], a[2][1])
    [median] = points(svg, "middle")
    assert median == a
    for name in ("a", "b", "c", "median"):
        assert f"<title>{name}</title>" in svg


def test_equal_losses_one_step_and_none_at_all():
    assert "polyline" in loss_curves([[1.0, 1.0]], ["a"])
    assert "polyline" in loss_curves([[0.25]], ["a"])
    assert loss_curves([[np.nan, 0.0]], ["a"]) == ""


def test_settings_are_flat():
    text = html.settings(
        {
            "a": {"b": 1, "c": {"d": 0.5}},
            "e": None,
            "f": [1, 2],
            "g": True,
            "h": [{"i": 3}],
            "j": [],
        }
    )
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", text)
    assert cells == [
        "a.b",
        "1",
        "a.c.d",
        "0.5",
        "e",
        "none",
        "f",
        "1, 2",
        "g",
        "yes",
        "h.1.i",
        "3",
        "j",
        "none",
    ]


def test_links_lead_to_the_other_pages():
    text = html.links([("1 to 2", "report.html"), ("3 to 4", "report-2.html")], 1)
    assert '<a href="report.html">1 to 2</a>' in text
    assert "<b>3 to 4</b>" in text
