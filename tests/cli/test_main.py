"""The console script: quick help, no jax before it is needed, one-line errors."""

import json
import subprocess
import sys
import time

import pytest

from pmsfc_jax.cli.main import COMMANDS, main


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )


def test_importing_the_package_does_not_import_jax():
    python("import sys, pmsfc_jax; assert 'jax' not in sys.modules")


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_does_not_import_jax(command):
    words = ["--help"] if command is None else [command, "--help"]
    code = f"""
import sys
from pmsfc_jax.cli.main import main
try:
    code = main({words!r})
except SystemExit as stop:
    code = stop.code
assert code == 0, code
heavy = {{'jax', 'flax', 'optax', 'orbax'}} & set(sys.modules)
assert not heavy, heavy
"""
    out = python(code).stdout
    assert "usage: pmsfc" in out


def test_help_is_quick():
    """Well under half a second; the best of five, since the machine may be busy."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "pmsfc_jax", "--help"], check=True, capture_output=True
        )
        times.append(time.perf_counter() - began)
    assert min(times) < 0.5


def test_every_public_name_exists():
    import pmsfc_jax as pm

    for name in pm.__all__:
        assert getattr(pm, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        pm.nothing  # noqa: B018


def test_an_unknown_command_is_refused(capsys):
    assert main(["inverse"]) == 2
    assert "no command 'inverse': did you mean invert?" in capsys.readouterr().err


def test_an_unknown_command_is_an_event_too(capsys):
    assert main(["inverse", "--json"]) == 2
    event = json.loads(capsys.readouterr().out)
    assert event["event"] == "error"
    assert event["message"] == "there is no command 'inverse': did you mean invert?"


def test_no_command_shows_the_usage(capsys):
    assert main([]) == 2
    assert "usage: pmsfc COMMAND" in capsys.readouterr().out


def test_version(capsys):
    from pmsfc_jax import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_unknown_options_end_with_code_2(capsys):
    assert main(["invert", "--nonsense"]) == 2
    assert "there is no option --nonsense" in capsys.readouterr().err
