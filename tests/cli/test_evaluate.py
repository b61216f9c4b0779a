"""A whole table from the command line."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.cli.evaluate import work
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.arrays import load_arrays

ROWS = ("mganprior_4", "pmsfc_4x4_random")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("evaluated") / "table"


@pytest.fixture
def evaluate(pmsfc, photos):
    def call(out, *more, methods=ROWS, source=None):
        return pmsfc(
            *("evaluate", source or photos, "--out", out, "--generator", "plain"),
            *("--methods", *methods, "--steps", "10", *more),
        )

    return call


@pytest.mark.slow
def test_table_and_resume(evaluate, out, photos):
    code, printed, err = evaluate(out)
    assert code == 0, err
    assert "2 methods on 3 photographs, 10 steps each" in err
    assert "| mganprior_4 | 4 | 4 | 10 |" in printed
    assert "| pmsfc_4x4_random | 16 | 4 | 10 |" in printed
    with (out / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert "distance" not in rows[0]
    table = json.loads((out / "table.json").read_text())
    for row in rows:
        images = load_arrays(out / "methods" / f"{row['method']}.npz", kind="evaluation", newest=1)[
            0
        ]["images"]
        target = np.asarray(Image.open(photos / "p0.png"), np.float64)
        by_hand = 20 * np.log10(255 / np.sqrt(np.mean((target - images[0]) ** 2)))
        per_image = table["methods"][row["method"]]["psnr"]
        assert per_image[0] == pytest.approx(by_hand, abs=1e-3)
        assert float(row["psnr"]) == pytest.approx(np.mean(per_image))
        assert 0 < float(row["seconds_per_image"]) < 60
    assert (out / "report.html").read_text().count('data-column="verdict"') == 2
    with Image.open(out / "sheet.png") as sheet:
        assert sheet.size[0] > 3 * 160
    stamps = [path.stat().st_mtime_ns for path in sorted((out / "methods").iterdir())]
    code, again, err = evaluate(out)
    assert code == 0
    assert err.count("finished before") == 2
    assert again == printed
    assert stamps == [path.stat().st_mtime_ns for path in sorted((out / "methods").iterdir())]


def test_a_bad_photograph_is_left_out_and_told(evaluate, photos, tmp_path):
    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    (folder / "broken.png").write_bytes((photos / "p1.png").read_bytes()[:200])
    (folder / "text.png").write_text("no picture")
    code, out, err = evaluate(tmp_path / "out", "--json", methods=("single",), source=folder)
    assert code == 1, err
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in events] == ["left_out"] * 2 + ["started", "row", "done"]
    assert {Path(e["photograph"]).name for e in events[:2]} == {"broken.png", "text.png"}
    assert events[-1]["images"] == 3
    assert events[-1]["left_out"] == 2


def test_minutes_are_told_from_a_step_of_the_most_codes(evaluate, tmp_path, monkeypatch):
    """A step of the first row, a single code, would promise a quarter of what it takes."""
    asked = []

    def a_step(task, config_for, subspaces):
        asked.append(config_for(1).composition)
        return 2.0

    def no_more(*_):
        raise InputError("enough")

    monkeypatch.setattr(work, "measure_row", no_more)
    monkeypatch.setattr(work, "_WORTH_A_PILOT", 1)
    monkeypatch.setattr(work, "seconds_of_a_step", a_step)
    code, _, err = evaluate(tmp_path / "out", methods=("single", "mganprior_4"))
    assert code == 2, err
    assert asked == ["mganprior"]
    assert "2 methods on 3 photographs, 10 steps each: about 2 min, and compilation" in err


def test_a_converted_network_judges_by_name(evaluate, tmp_path):
    code, out, err = evaluate(tmp_path, "--judge", "judged", methods=("single",))
    assert code == 0, err
    assert "distance" in out
    table = json.loads((tmp_path / "table.json").read_text())
    assert table["distance"] == "mean |V(a) - V(b)|, V = judged/discriminator"
    assert len(table["methods"]["single"]["distance"]) == 3


def test_equal_time_gives_steps_by_timing(evaluate, tmp_path):
    code, _, err = evaluate(tmp_path, "--seconds", "0.000001", methods=("single",))
    assert code == 0, err
    record = json.loads((tmp_path / "table.json").read_text())["methods"]["single"]
    assert record["steps"] == 10


def test_mistakes(evaluate, tmp_path):
    code, _, err = evaluate(tmp_path, methods=("nonsense",))
    assert code == 2
    assert "method nonsense is unknown" in err
    code, _, err = evaluate(tmp_path / "out", "--judge", "typo.npz")
    assert code == 2
    assert "typo.npz" in err
    assert not (tmp_path / "out").exists()
    code, _, err = evaluate(tmp_path / "out", "--judge", "plain")
    assert code == 2
    assert "--judge plain is a generator without a network that judges" in err
    code, _, err = evaluate(tmp_path, "--layer", "99")
    assert code == 2
    assert "no layer 99" in err
    code, _, err = evaluate(tmp_path, "--steps", "0")
    assert code == 2
    assert "--steps must be at least 1" in err
    code, _, err = evaluate(tmp_path, "--subset", "x", "--subsets", tmp_path / "no.json")
    assert code == 2
    assert "cannot read subsets" in err
