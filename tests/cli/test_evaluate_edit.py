"""``pmsfc evaluate --task edit``: a row an inversion, kept, and mistakes told before."""

import json

import numpy as np
import pytest

import pmsfc_jax as pm

WORDS = ("--task", "edit", "--generator", "plain", "--layer", "2", "--steps", "3")


@pytest.mark.slow
def test_rows_are_measured_once(pmsfc, photos, tmp_path):
    out = tmp_path / "table"
    words = ("evaluate", photos, "--out", out, *WORDS, "--json")
    words += ("--methods", "single", "single_lbfgs")
    code, text, err = pmsfc(*words)
    assert code == 0, err
    started, *rows, done = map(json.loads, text.splitlines())
    assert started["rows"] == ["single", "single_lbfgs"]
    assert [row["row"] for row in rows] == started["rows"]
    assert done["images"] == 3
    record = json.loads((out / "table.json").read_text())
    for name, row in record["rows"].items():
        assert len(row["psnr"]) == 3
        drawing = pm.load_codes(out / f"rows/{name}.npz")
        assert (len(drawing), drawing.layer) == (3, 2)
        assert {"change", "concentration", "inside"} == set(row["measures"])
        assert np.mean(row["psnr"]) == pytest.approx(
            next(r["psnr_db"] for r in rows if r["row"] == name)
        )
    assert "| single_lbfgs | " in (out / "table.md").read_text()
    code, text, _ = pmsfc(*words)
    started, done = map(json.loads, text.splitlines())
    assert (code, started["rows"]) == (0, [])
    assert json.loads((out / "table.json").read_text()) == record


MISTAKES = [
    (("--seconds", "3"), "are not of --task edit"),
    (("--judge", "judged"), "takes SqueezeNet v1.0"),
    (("--methods", "double"), "method double is unknown"),
    (("--layer", "9"), "has no layer 9"),
    (("--task", "edit", "colour"), "give words of one table"),
]


@pytest.mark.parametrize(("more", "part"), MISTAKES)
def test_a_mistake_is_one_sentence(pmsfc, photos, tmp_path, more, part):
    words = WORDS[2:] if more[0] == "--task" else WORDS
    words = words if more[0] != "--layer" else ("--task", "edit", "--generator", "plain")
    code, _, err = pmsfc("evaluate", photos, "--out", tmp_path / "table", *words, *more)
    assert code == 2
    assert part in err
    assert not (tmp_path / "table").exists()


def test_one_photograph_has_nobody_to_exchange_with(pmsfc, photos, tmp_path):
    code, _, err = pmsfc("evaluate", photos / "p0.png", "--out", tmp_path / "table", *WORDS)
    assert code == 2
    assert "one picture only" in err
