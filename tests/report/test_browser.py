"""Pages in a browser: what is moved by mouse, touch and keyboard moves, in any light and width."""

import numpy as np
import pytest

from pmsfc_jax.report import html
from pmsfc_jax.report.curves import loss_curves
from pmsfc_jax.report.pictures import compare, frames, gallery, matrix
from tests.report.conftest import pixels

RED, GREEN, BLUE = (200, 30, 30), (30, 160, 30), (30, 30, 200)


def plain(colour, side=32):
    return np.full((side, side, 3), colour, np.uint8)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rows = [[f"p{i}", "1.25", "no different" if i else "more"] for i in range(3)]
    wide = [[plain(RED)] * 12]
    path = tmp_path_factory.mktemp("page") / "a b.html"
    path.write_text(
        html.page(
            "A page",
            [
                html.paragraph("Words."),
                gallery([compare(plain(RED), plain(BLUE), caption="two")]),
                frames([plain(RED), plain(GREEN), plain(BLUE)], ["0", "0.5", "1"], caption="way"),
                matrix(
                    ["sample0 from sample1"],
                    [f"subspace {i}" for i in range(12)],
                    wide,
                    caption="m",
                ),
                html.table(["image", "value", "verdict"], rows, left=(0, 2), marks=["yes", "", ""]),
                loss_curves([[3.0, 2.0, 1.0], [4.0, 2.0, 0.5]], ["x", "y"]),
                html.figure(np.full((40, 60, 3), 255, np.uint8), "a chart", chart=True),
                *html.how_made("pmsfc " + "word " * 60, {"a": {"b": "x" * 200}}),
            ],
        )
    )
    return path


def seen(page, share, selector=".compare .stage"):
    """Which colour a stage shows, so far from its left edge."""
    picture = pixels(page.locator(selector))
    height, width, _ = picture.shape
    return picture[height // 2, round(share * (width - 1))].argmax()


def left_and_right(page):
    return [seen(page, share) for share in (0.1, 0.4, 0.6, 0.9)]


def place(page, share):
    box = page.locator(".compare .stage").bounding_box()
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def test_the_mouse_drags_the_slider(path, opened):
    with opened(path) as page:
        assert left_and_right(page) == [0, 0, 2, 2]
        page.mouse.move(*place(page, 0.5))
        page.mouse.down()
        page.mouse.move(*place(page, 0.8), steps=4)
        assert left_and_right(page) == [0, 0, 0, 2]
        page.mouse.move(*place(page, 0.2), steps=4)
        page.mouse.up()
        assert left_and_right(page) == [0, 2, 2, 2]
        # Let go, it stays where it is; beyond the edge it is at the edge.
        page.mouse.move(*place(page, 0.9))
        assert left_and_right(page) == [0, 2, 2, 2]
        page.mouse.down()
        page.mouse.move(*place(page, 1.5))
        page.mouse.up()
        assert left_and_right(page) == [0, 0, 0, 0]


def test_the_keyboard_moves_the_slider(path, opened):
    with opened(path) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == (
            "two: before or after"
        )
        page.keyboard.press("End")
        assert left_and_right(page) == [0, 0, 0, 0]
        page.keyboard.press("Home")
        assert left_and_right(page) == [2, 2, 2, 2]
        for _ in range(4):
            page.keyboard.press("PageUp")
        assert seen(page, 0.3) == 0
        # A finger or a mouse on the pictures leaves the keyboard with their slider.
        page.mouse.click(*place(page, 0.5))
        page.keyboard.press("End")
        assert left_and_right(page) == [0, 0, 0, 0]


def test_a_finger_drags_the_slider(path, opened):
    with opened(path, has_touch=True, is_mobile=True) as page:
        touch = page.context.new_cdp_session(page)

        def send(kind, share=None):
            points = [] if share is None else [dict(zip("xy", place(page, share), strict=True))]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        send("touchStart", 0.5)
        for share in (0.6, 0.7, 0.8):
            send("touchMove", share)
        send("touchEnd")
        assert left_and_right(page) == [0, 0, 0, 2]


def test_frames_follow_their_slider(path, opened):
    with opened(path) as page:
        stage, said = ".frames .stage", page.locator(".frames output")
        assert (seen(page, 0.5, stage), said.inner_text()) == (0, "0")
        page.locator(".frames input").focus()
        page.keyboard.press("ArrowRight")
        assert (seen(page, 0.5, stage), said.inner_text()) == (1, "0.5")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert (seen(page, 0.5, stage), said.inner_text()) == (2, "1")
        box = page.locator(".frames input").bounding_box()
        page.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
        assert seen(page, 0.5, stage) == 0


def test_without_scripts_something_is_seen(path, opened):
    with opened(path, java_script_enabled=False) as page:
        assert left_and_right(page) == [0, 0, 2, 2]
        assert seen(page, 0.5, ".frames .stage") == 0


@pytest.mark.parametrize("width", [320, 360, 700, 1400])
def test_nothing_is_cut_off_on_any_width(path, opened, width):
    with opened(path, viewport={"width": width, "height": 800}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for i in range(3):
            verdict = page.locator("td", has_text="no different" if i else "more").nth(
                max(i - 1, 0)
            )
            box = verdict.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["height"] > 10
        # Titles of rows stay words beside pictures, however little room there is.
        title, picture = (page.locator(f".matrix {what}").first for what in ("tbody th", "td img"))
        assert title.bounding_box()["height"] <= picture.bounding_box()["height"] + 20


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_a_chart_is_as_light_as_the_page(path, opened, scheme, dark):
    with opened(path, color_scheme=scheme) as page:
        chart = pixels(page.locator("figure.chart img").last)
        paper = pixels(page.locator("h1"))[0, -1]
        centre = chart[chart.shape[0] // 2, chart.shape[1] // 2]
        assert (paper.mean() < 60) == dark
        np.testing.assert_allclose(centre.astype(int), paper.astype(int), atol=8)
        # Photographs keep their colours.
        assert left_and_right(page) == [0, 0, 2, 2]
