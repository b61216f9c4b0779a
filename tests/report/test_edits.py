"""The pages of `pmsfc edit`: a matrix, frames under a slider, of bounded size."""

import re

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.images import save_png
from pmsfc_jax.report import edits
from pmsfc_jax.report.edits import save_edit_pages
from tests.report.conftest import pixels
from tests.report.test_html import read


def made(folder, action, entries, *, frames, side=8, strengths=None):
    """A folder with pictures ``a``, ``b``, ``c`` and edits ``(picture, sources, subspaces, way)``.

    Frame ``i`` of each is grey, 40 times ``i``.
    """
    rng = np.random.default_rng(0)
    for name in ("pictures", "frames"):
        (folder / name).mkdir(exist_ok=True)
    for name in "abc":
        picture = rng.integers(0, 256, (side, side, 3), np.uint8)
        save_png(folder / f"pictures/{name}.png", picture)
    strengths = strengths or np.linspace(0, 1, frames).tolist()
    record = {
        "command": "pmsfc edit <x>", "action": action, "generator": "g", "weights_sha256": "0",
        "layer": 2, "subspaces": [4, 4, 4], "region": None, "pmsfc_jax": "0",
        "pictures": [{"name": name, "image": f"pictures/{name}.png"} for name in "abc"],
        "edits": [],
    }  # fmt: skip
    for number, (picture, sources, subspaces, direction) in enumerate(entries):
        paths = [f"frames/{number}-{i}.png" for i in range(frames)]
        for i, path in enumerate(paths):
            save_png(folder / path, np.full((side, side, 3), 40 * i % 256, np.uint8))
        record["edits"].append({
            "picture": picture, "sources": sources, "subspaces": subspaces, "direction": direction,
            "strengths": strengths, "frames": paths, "change_levels": [0.0] * (frames - 1) + [12.3],
        })  # fmt: skip
    return record


SWAPS = [("a", [source], [number], None) for source in "bc" for number in range(3)]


def test_of_exchanges_there_is_a_matrix_and_a_slider_each(tmp_path):
    [page] = save_edit_pages(tmp_path, made(tmp_path, "swap", SWAPS, frames=1))
    text = page.read_text()
    # Two rows of picture, three subspaces and source; six pictures before and after.
    assert len(read(text).sources) == 2 * 5 + 6 * 2
    titles = re.findall(r'<th scope="(?:row|col)">([^<]*)</th>', text)[:7]
    assert titles == [
        "picture", "subspace 0", "subspace 1", "subspace 2", "source", "a from b", "a from c",
    ]  # fmt: skip
    assert "Exchanges on g" in text
    assert "pmsfc edit &lt;x&gt;" in text
    assert text.count(">12.30</td>") == 6


def test_mixtures_are_seen_at_their_end_and_moves_at_the_picture_itself(tmp_path, opened):
    entries = [("a", ["b"], [0, 2], None)]
    [page] = save_edit_pages(tmp_path, made(tmp_path, "mix", entries, frames=5))
    assert "a from b, subspaces 0 and 2" in page.read_text()
    with opened(page) as shown:
        assert shown.locator("output").inner_text() == "strength 1"
        stage = shown.locator(".frames .stage")
        assert pixels(stage)[20, 20, 0] == 160
        shown.locator(".frames input").focus()
        shown.keyboard.press("ArrowLeft")
        assert pixels(stage)[20, 20, 0] == 120
    entries = [("a", [], [], "age"), ("b", [], [], "age")]
    record = made(tmp_path, "move", entries, frames=3, strengths=[-2.0, 0.0, 2.0])
    [page] = save_edit_pages(tmp_path, record)
    with opened(page) as shown:
        assert shown.locator("output").all_inner_texts() == ["strength 0"] * 2
        assert shown.locator(".matrix th").all_inner_texts() == [
            "-2", "0", "2", "a along age", "b along age",
        ]  # fmt: skip


def test_a_morph_has_frames_alone(tmp_path):
    record = made(tmp_path, "morph", [("a", ["b", "c"], [], None)], frames=5, strengths=None)
    record["edits"][0]["strengths"] = [0, 0.5, 1, 1.5, 2]
    [page] = save_edit_pages(tmp_path, record)
    text = page.read_text()
    assert "matrix" not in text[text.index("<body>") :]
    assert "<output>at 0 of 2</output>" in text
    assert 'alt="at 1.5 of 2"' in text
    assert "a from b and c" in text


def test_many_edits_are_split_between_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(edits, "_EDITS", 5)
    pages = save_edit_pages(tmp_path, made(tmp_path, "swap", SWAPS, frames=1))
    assert [page.name for page in pages] == ["report.html", "report-2.html"]
    assert [page.read_text().count('class="compare"') for page in pages] == [3, 3]


def test_a_picture_that_is_gone_is_named(tmp_path):
    record = made(tmp_path, "swap", SWAPS, frames=1)
    (tmp_path / "pictures" / "b.png").unlink()
    with pytest.raises(InputError, match=r"pictures/b\.png"):
        save_edit_pages(tmp_path, record)


@pytest.mark.slow
def test_a_full_page_of_large_edits_is_below_20_mb(tmp_path):
    """Noise, which nothing compresses, at 256x256, and more frames than are shown."""
    entries = [("a", ["b"], [number], None) for number in range(96)]
    record = made(tmp_path, "mix", entries, frames=20, side=8)
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    for path in [*tmp_path.glob("frames/*.png"), *tmp_path.glob("pictures/*.png")]:
        save_png(path, noise)
    [page] = save_edit_pages(tmp_path, record)
    assert page.stat().st_size < 20e6
