"""The tables of README and docs are what the benchmarks wrote."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

import pmsfc_jax as pm

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        return SimpleNamespace(**runpy.run_path(str(ROOT / "scripts" / "update_tables.py")))


def test_every_measured_table_is_as_it_was_measured(script):
    for name in script.PAGES:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert script.updated(text) == text, f"{name}: run scripts/update_tables.py"


def test_every_table_stands_somewhere(script):
    pages = "".join((ROOT / name).read_text(encoding="utf-8") for name in script.PAGES)
    for name in script.TABLES:
        assert pages.count(f"<!-- table: {name} -->") == 1, name


def test_all_results_are_of_the_shipped_prior(script):
    """Numbers of an earlier prior do not stay beside those of a new one."""
    evaluated = (
        "test16", "other16", "steps60", "steps300", "train16", "time8", "published8",
        "edits_pggan_tops32",
    )  # fmt: skip
    others = ("prior_quality", "stability", "subspace_effects", "perceptual_weight")
    weights = {script.read(name)["weights_sha256"] for name in evaluated}
    weights |= {script.read(name)["weights"] for name in others}
    assert weights == {pm.load_generator("pggan_tops32")[0].spec.identity}


def test_a_changed_number_is_put_right(script):
    page = ROOT / "README.md"
    text = page.read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| `fast`"))
    assert script.updated(text.replace(row, "| `fast` | 1 |")) == text
