"""Presets and options of ``pmsfc invert`` as they arrive in config.json."""

import dataclasses
import json
from typing import get_args, get_type_hints

import pytest

from pmsfc_jax.cli import _invert_load
from pmsfc_jax.cli.invert import Options
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.presets import PRESETS


def choices(cls, field):
    """The words that an option or a field takes."""
    hint = get_type_hints(cls)[field]
    words = [word for part in get_args(hint) for word in (get_args(part) or [part])]
    return {word for word in words if isinstance(word, str)}


def test_options_know_the_presets_and_every_setting():
    assert choices(Options, "preset") == set(PRESETS)
    options = {_invert_load._RENAMED.get(f.name, f.name): f for f in dataclasses.fields(Options)}
    for field in dataclasses.fields(InversionConfig):
        assert field.name in options
        if words := choices(InversionConfig, field.name):
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
