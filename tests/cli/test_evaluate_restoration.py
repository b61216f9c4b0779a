"""A table of restorations from the command line."""

import json

import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.cli.evaluate.tasks import KINDS
from pmsfc_jax.evaluation.restoration.columns import COLUMNS
from pmsfc_jax.metrics import psnr

SHORT = ("--generator", "plain", "--layer", "2", "--steps", "10", "--batch-size", "1")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("evaluated") / "table"


@pytest.fixture
def evaluate(pmsfc, photos):
    def call(out, *more, rows=("ours_1", "ours_2"), task=("super2", "colour")):
        words = ("evaluate", photos, "--out", out, "--task", *task, "--methods", *rows)
        return pmsfc(*words, *SHORT, *more)

    return call


def test_the_words_of_task_are_all_columns():
    words = {kind.module: kind.words for kind in KINDS}["restoration"]
    assert words == tuple(COLUMNS)


@pytest.mark.slow
def test_cells_table_and_sheets(evaluate, out, photos):
    code, printed, err = evaluate(out)
    assert code == 0, err
    assert "super2, ours_2: " in err
    assert "| bicubic, back-projected |" in printed
    assert "| grey itself |" in printed
    table = json.loads((out / "table.json").read_text())
    assert list(table["columns"]) == ["super2", "colour"]
    assert list(table["columns"]["colour"]) == ["grey itself", "ours_1", "ours_2"]
    truth = np.asarray(Image.open(photos / "p0.png"))
    for row, record in table["columns"]["super2"].items():
        stem = row.replace(", ", "_").replace("-", "_")
        strip = np.asarray(Image.open(out / f"cells/super2/{stem}.png"))
        assert strip.shape == (16, 48, 3)
        by_hand = float(psnr(truth[None], strip[None, :, :16])[0])
        assert record["psnr"][0] == pytest.approx(by_hand)
        cell = json.loads((out / f"cells/super2/{stem}.json").read_text())
        assert cell["record"] == record
    # What is given is put back: degraded again it is what it was.
    assert np.mean(table["columns"]["colour"]["ours_2"]["fidelity"]) < 30
    assert 0 < table["columns"]["super2"]["ours_2"]["error_over_uncertainty"] < 50
    assert np.asarray(Image.open(out / "sheet-super2.png")).shape[1] > 5 * 128
    assert "best baseline</td>" in (out / "report.html").read_text()


@pytest.mark.slow
def test_what_is_measured_is_kept_and_a_row_can_be_added(evaluate, out):
    evaluate(out)
    stamps = {path: path.stat().st_mtime_ns for path in sorted(out.glob("cells/*/*.json"))}
    code, printed, err = evaluate(out, "--json", rows=("single", "ours_1", "ours_2", "mixed_2"))
    assert code == 0, err
    events = [json.loads(line) for line in printed.splitlines()]
    told = [(e["column"], e["row"]) for e in events if e["event"] == "cell"]
    rows = ("single", "mixed_2")
    assert told == [(column, row) for column in ("super2", "colour") for row in rows]
    assert (events[0]["event"], events[-1]["event"]) == ("started", "done")
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())


@pytest.mark.slow
def test_the_mean_of_fewer_samples_begins_that_of_more(evaluate, out, tmp_path):
    """A row alone gives the pictures that it has beside a row of more samples."""
    evaluate(out)
    code, _, err = evaluate(tmp_path, rows=("ours_1",), task=("super2",))
    assert code == 0, err
    alone, beside = (
        np.asarray(Image.open(folder / "cells/super2/ours_1.png"), int)
        for folder in (tmp_path, out)
    )
    assert np.abs(alone - beside).max() <= 1


@pytest.mark.parametrize(
    ("task", "rows", "more", "said"),
    [
        (("supr2",), (), (), "did you mean super2?"),
        (("super2", "invert"), (), (), "give words of one table"),
        (("super2", "super2"), (), (), "each once"),
        (("super2",), ("ours_0",), (), "row ours_0 is unknown"),
        (("super2",), ("nonsense",), (), "ours_M, the mean of M samples"),
        (("super2",), (), ("--layers", "hole=2"), "--layers hole=2: give TASK=INT"),
        (("super2",), (), ("--layers", "super2=77"), "no layer 77"),
        (("super2",), (), ("--seconds", "1"), "are of --task invert"),
    ],
)
def test_mistakes(evaluate, tmp_path, task, rows, more, said):
    code, _, err = evaluate(tmp_path / "out", *more, task=task, rows=rows or ("ours_1",))
    assert code == 2
    assert said in err
    assert not (tmp_path / "out").exists()
