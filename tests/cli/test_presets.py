"""Presets and options of ``pmsfc invert`` as they arrive in config.json."""

import dataclasses
import json
from typing import get_args, get_type_hints

import pytest

from pmsfc_jax.cli.invert import prepare
from pmsfc_jax.cli.invert.options import Options
from pmsfc_jax.inversion.compositions import COMPOSITIONS
from pmsfc_jax.inversion.config import InversionConfig, Objective
from pmsfc_jax.inversion.presets import PRESETS
from pmsfc_jax.inversion.solvers import SOLVERS

#: Fields that are made of others, and those without an option: no family that can be loaded has a
#: context to optimise yet.
WHOLE, UNUSED = {"objective", "solver"}, {"context_learning_rate"}


def choices(cls, field):
    """The words that an option or a field takes."""
    hint = get_type_hints(cls)[field]
    words = [word for part in get_args(hint) for word in (get_args(part) or [part])]
    return {word for word in words if isinstance(word, str)}


def test_options_know_the_presets_and_every_setting():
    assert choices(Options, "preset") == set(PRESETS)
    assert choices(Options, "method") == set(COMPOSITIONS)
    assert choices(Options, "optimiser") == set(SOLVERS)
    options = {prepare._RENAMED.get(f.name, f.name): f for f in dataclasses.fields(Options)}
    fields = [f for f in dataclasses.fields(InversionConfig) if f.name not in WHOLE]
    kinds = [InversionConfig, Objective, *SOLVERS.values()]
    for kind in kinds:
        for field in fields if kind is InversionConfig else dataclasses.fields(kind):
            if field.init and field.name not in UNUSED:
                assert field.name in options
                words = choices(kind, field.name)
                if words and field.name not in ("composition", "layer"):
                    assert choices(Options, options[field.name].name) == words


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ((), {"num_steps": 4, "codes_per_subspace": 16}),
        (("--codes", "2", "--steps", "3"), {"num_steps": 3, "codes_per_subspace": 2}),
    ],
)
def test_the_run_records_what_was_resolved(pmsfc, photos, tmp_path, monkeypatch, more, expected):
    monkeypatch.setitem(PRESETS, "fast", {"num_steps": 4})
    words = ("--generator", "plain", "--method", "mganprior", "--preset", "fast")
    code, _, err = pmsfc("invert", photos / "p0.png", "--out", tmp_path / "run", *words, *more)
    assert code == 0, err
    config = json.loads((tmp_path / "run" / "config.json").read_text())["inversion"]
    assert {name: config[name] for name in expected} == expected
    # One photograph is a batch of one, whatever the most.
    assert config["batch_size"] == 8
    [batch] = json.loads((tmp_path / "run" / "batches.json").read_text())["batches"]
    assert batch["size"] == 1
