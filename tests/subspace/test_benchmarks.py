"""The benchmarks of discovery run, and say what they should."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_discovery_writes_what_every_way_reaches(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))  # for the process that streams
    out = tmp_path / "discovery.json"
    load("discovery").main(["--quick", "--out", str(out)])
    report = json.loads(out.read_text())
    assert report["peak_memory_mib"]["64"] > 50
    ours = {
        (row["objective_of"], row["how"]): row for row in report["rows"] if row["how"] != "adam"
    }
    assert len(ours) == 6
    adam = [row for row in report["rows"] if row["how"] == "adam"]
    assert len(adam) == 2 * 3 * 2  # objectives, rates, numbers of steps
    for row in adam:
        best = ours[row["objective_of"], "float64"]
        assert best["objective"] < row["objective"] < 1
        assert row["held_out_at_same_norm"].keys() == {"ridge", "lasso"}
    for method in ("ridge", "lasso", "elastic_net"):
        exact, single = ours[method, "float64"], ours[method, "float32"]
        assert single["objective"] == pytest.approx(exact["objective"], rel=1e-4)
    assert "Adam, 20 steps at 0.01" in capsys.readouterr().out


def test_stability_compares_every_pair_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    module, out = load("stability"), tmp_path / "stability.json"
    options = ["--numbers", "2", "--solvers", "ridge", "--sets", "3", "--samples", "16"]
    options += ["--restarts", "2", "--out", str(out), "--layers"]
    module.main([*options, "0"])
    rows = json.loads(out.read_text())["rows"]
    assert [row["setting"] for row in rows] == ["cosine", "ridge, plain", "ridge, released"]
    for row in rows:
        assert len(row["ari"]) == 3
        assert row["ari_mean"] == pytest.approx(np.mean(row["ari"]))
        assert -1 <= row["ari_least"] <= 1
        assert 0.5 <= row["largest_share"] <= 1
    assert "| 0 | 2 |" in out.with_suffix(".md").read_text()

    asked = []

    def fake(generator, params, layer, options):
        asked.append(layer)
        return [{**rows[0], "layer": layer}]

    monkeypatch.setattr(module, "layer_rows", fake)
    module.main([*options, "0", "1"])
    assert asked == [1]
    module.main(["--seed", "7", *options, "0"])  # other settings start anew
    assert asked == [1, 0]


def test_seeds_agree_on_the_prior(tmp_path, capsys):
    out = tmp_path / "seeds.json"
    load("seeds").main(
        ["--numbers", "2", "--seeds", "3", "--samples", "256", "--layer", "7", "--out", str(out)]
    )
    rows = json.loads(out.read_text())["rows"]
    assert [row["affinity"] for row in rows] == ["ridge", "lasso"]
    assert all(row["ari_least"] == 1.0 for row in rows)
    assert "| ridge | 2 |" in capsys.readouterr().out
