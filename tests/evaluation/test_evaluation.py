"""Statistics against scipy, tables by hand, subsets and rows."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.evaluation.memory import peak_memory
from pmsfc_jax.evaluation.methods import ROWS, choose_rows, config_of
from pmsfc_jax.evaluation.statistics import bootstrap_interval
from pmsfc_jax.evaluation.subsets import load_subset
from pmsfc_jax.evaluation.tables import as_csv, as_markdown, summarise

SUBSETS = Path(__file__).parents[2] / "benchmarks" / "subsets.json"


def test_interval_is_scipys():
    values = np.random.default_rng(3).gamma(2.0, 3.0, 40)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=1
    ).confidence_interval
    # Two resamplings of 10,000 differ by about a hundredth of the standard error.
    assert np.allclose(bootstrap_interval(values), theirs, atol=0.04)
    assert bootstrap_interval(values) == bootstrap_interval(values)


def record(psnr, **more):
    base = {
        "codes": 4, "weights_per_channel": 4, "steps": 10, "ssim": None, "distance": None,
        "seconds_per_image": 1.0, "other_seconds": 2.0, "peak_mib": None, "failed": 0, "guarded": 0,
    }  # fmt: skip
    return base | {"psnr": psnr} | more


def test_a_constant_difference_has_no_width():
    """Paired: images differ by 20 dB, methods by exactly 1 dB on each."""
    rows = summarise({"a": record([10.0, 20.0, 30.0]), "b": record([11.0, 21.0, 31.0])}, seed=0)
    assert [rows[0][k] for k in ("to_best", "to_best_low", "to_best_high")] == [-1.0] * 3
    assert rows[1]["to_best"] is None
    assert rows[0]["psnr"] == pytest.approx(20)
    assert rows[0]["psnr_high"] - rows[0]["psnr_low"] > 5


def test_tables_leave_out_what_nobody_has():
    rows = summarise({"a": record([10.0, 20.0]), "b": record([11.0, 20.0])}, seed=0)
    parsed = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert [float(row["psnr"]) for row in parsed] == [15, 15.5]
    assert "distance" not in parsed[0]
    text = as_markdown(rows, peak_kind="nothing")
    assert "distance" not in text
    lines = text.splitlines()
    assert len({line.count("|") for line in lines[:4]}) == 1
    judged = summarise({"a": record([10.0], distance=[0.5])}, seed=0)
    assert "0.500 (0.500 to 0.500)" in as_markdown(judged, peak_kind="nothing")


def test_committed_subsets_are_apart():
    names = json.loads(SUBSETS.read_text())["subsets"]
    files = {name: load_subset(SUBSETS, name, Path()) for name in names}
    for name, paths in files.items():
        assert len(set(paths)) == len(paths) == int(re.sub(r"\D", "", name))
    assert files["test64"][:16] == files["test16"]
    assert not {p.name for p in files["train16"]} & {p.name for p in files["test64"]}
    with pytest.raises(InputError, match="no subset nothing: choose one of"):
        load_subset(SUBSETS, "nothing", Path())


def test_damaged_subsets(tmp_path):
    (tmp_path / "s.json").write_text("[]")
    with pytest.raises(InputError, match="cannot read subsets"):
        load_subset(tmp_path / "s.json", "test16", tmp_path)


def test_rows():
    assert "pmsfc_4x4" in choose_rows(())
    assert "mganprior_published" not in choose_rows(())
    assert choose_rows(("pmsfc_full",)) == (
        "pmsfc_full_4x4",
        *(f"pmsfc_full_4x4{end}" for end in ("_lbfgs", "_random_lbfgs")),
    )
    assert choose_rows(("single", "mganprior_published")) == ("single", "mganprior_published")
    with pytest.raises(InputError, match="did you mean pmsfc_4x4"):
        choose_rows(("pmsfc_4x5",))
    with pytest.raises(InputError, match="method nonsense is unknown: choose among single"):
        choose_rows(("nonsense",))
    assert config_of("mganprior_16_lbfgs").solver.name == "lbfgs"
    assert config_of("mganprior_16").solver.name == "adam"
    assert config_of("released_4x4").objective.base_weight == 1
    assert config_of("mganprior_published").composition == "mganprior_published"
    for name in ROWS:
        config = config_of(name, num_steps=7, learning_rate=0.1, layer=2)
        assert config.num_steps == ROWS[name].fields.get("num_steps", 7)


def test_peak_memory_sees_the_block_only():
    with peak_memory() as large:
        held = np.ones(64 * 2**20 // 8 * 4)
        held[::100] = 2
        del held
    with peak_memory() as small:
        pass
    if large.mib is None or small.mib is None:
        pytest.skip(large.kind)
    assert 200 < large.mib - small.mib < 320
