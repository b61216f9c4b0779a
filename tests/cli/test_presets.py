"""Presets and options of ``pmsfc invert`` as they arrive in config.json."""

import dataclasses
import json
import re
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from pmsfc_jax.cli.invert.options import Options
from pmsfc_jax.cli.invert.settings import RENAMED
from pmsfc_jax.cli.main import main
from pmsfc_jax.inversion.compositions import COMPOSITIONS
from pmsfc_jax.inversion.config import InversionConfig, Objective
from pmsfc_jax.inversion.presets import PRESETS, preset
from pmsfc_jax.inversion.solvers import SOLVERS

#: Fields that are made of others.
WHOLE = {"objective", "solver", "until"}
#: Options of plain values, of which tyro shows the default itself.
PLAIN = ("default", 8)
SAID_BELOW = {"composition", "layer", "codes_per_subspace", "num_steps", "base_weight"}


def literals(hint):
    """The words that an option or a field takes."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return set().union(*(literals(part) for part in get_args(hint)))


def hints(cls):
    """Types of all options by name, those of groups among them."""
    found = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        found |= hints(hint) if dataclasses.is_dataclass(hint) else {name: hint}
    return found


OPTIONS = hints(Options)
BY_SETTING = {RENAMED.get(name, name): hint for name, hint in OPTIONS.items()}
KINDS = [InversionConfig, Objective, *SOLVERS.values()]
SETTINGS = [
    (kind, field)
    for kind in KINDS
    for field in dataclasses.fields(kind)
    if field.init and field.name not in WHOLE
]


def test_options_know_the_presets_and_every_setting():
    assert literals(OPTIONS["preset"]) == set(PRESETS)
    assert literals(OPTIONS["method"]) == set(COMPOSITIONS)
    assert literals(OPTIONS["optimiser"]) == set(SOLVERS)
    for kind, field in SETTINGS:
        words = literals(get_type_hints(kind)[field.name])
        assert literals(BY_SETTING[field.name]) >= words


def test_help_says_the_defaults_that_python_has():
    """An option that is left out is taken from the settings' defaults, which the help names."""
    said = {
        name: about.help_behavior_hint
        for name, hint in BY_SETTING.items()
        for about in getattr(hint, "__metadata__", ())
        if hasattr(about, "help_behavior_hint")
    }
    default = InversionConfig()
    assert default.composition in said["composition"]
    assert default.solver.name in said["optimiser"]
    for _, field in SETTINGS:
        if field.name in SAID_BELOW or field.default in (None, *PLAIN):
            continue
        default_of = field.default
        shown = f"{default_of:g}" if isinstance(default_of, float) else default_of
        assert re.match(rf"\(default: {shown}\b", said[field.name]), field.name
    released = COMPOSITIONS["released"].objective
    assert said["base_weight"].startswith(f"(default: {released['base_weight']:g} for released")
    for name, composition in COMPOSITIONS.items():
        codes = f"{composition.default_codes} for {name}"
        usual = composition.default_codes == default.codes_per_subspace
        assert codes in said["codes_per_subspace"] or usual
    assert f"(default: {default.codes_per_subspace};" in said["codes_per_subspace"]
    steps = {name: preset(name).num_steps for name in PRESETS}
    assert steps == {"fast": 60, "default": 150, "best": 300}  # as the help of --preset says


def test_no_help_shows_none(capsys):
    for command in ("invert", "evaluate", "render", "train"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        out = capsys.readouterr().out
        assert "None" not in out
        assert "False" not in out


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
