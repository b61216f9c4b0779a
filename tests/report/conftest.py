"""A real browser, without a window, that opens pages from files."""

import io
import os
import shutil
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

#: Set to "required" where a missing browser is a failure and no reason to skip.
VARIABLE = "PMSFC_BROWSER"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = ("--no-sandbox", "--disable-background-networking")


@pytest.fixture(scope="module")
def chromium():
    """Chromium, driven by Playwright."""
    path = next((found for found in map(shutil.which, _NAMES) if found), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    if path is None or sync_playwright is None:
        reason = "there is no chromium" if path is None else "playwright is not installed"
        if os.environ.get(VARIABLE) == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """``with opened(path, **context) as page``: afterwards nothing was said or asked for."""

    @contextmanager
    def opening(path, **context):
        said, asked = [], []
        with_options = chromium.new_context(
            **({"viewport": {"width": 1000, "height": 800}} | context)
        )
        page = with_options.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        yield page
        with_options.close()
        assert said == []
        assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]

    return opening


def pixels(element):
    """What is on the screen of an element: ``[h, w, 3]`` uint8."""
    return np.asarray(Image.open(io.BytesIO(element.screenshot())).convert("RGB"))
