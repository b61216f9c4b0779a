"""Mistakes in the words of a command: one sentence that names the option and what it takes."""

import os
import subprocess
import sys

import pytest

from pmsfc_jax.cli.main import main

MISTAKES = [
    ("sample", "NAME is missing"),
    ("discover", "NAME, --layer are missing"),
    ("discover plain", "--layer is missing"),
    ("sample a b", "there is no place for b"),
    ("sample a --num", "--num takes a value"),
    ("sample a --num x", "--num is 'x': give a whole number"),
    ("sample a --truncation x", "--truncation is 'x': give a number"),
    ("sample a --seeds 3 x", "--seeds is '3 x': give whole numbers"),
    ("sample a --sede 3", "there is no option --sede: did you mean --seed?"),
    ("discover a --layer 3 --mu hold_out", "give a number, or held_out (did you mean held_out?)"),
    ("discover a --layer 3 --num-subspaces x", "--num-subspaces is 'x': give a whole number"),
    ("discover a --layer x", "--layer is 'x': give a whole number"),
    ("invert x --out y --preset qick", "choose one of fast, default, best"),
    ("invert x --out y --method pmsfk", "(did you mean pmsfc?)"),
    ("train --data x --run y --widths 3 x", "--widths is '3 x': give whole numbers"),
]


NUMBERS = [
    ("sample a --seed -1", "--seed is -1: give a whole number from 0 to 4294967295"),
    ("invert x --out y --seed 4294967296", "--seed is 4294967296: give a whole number from 0"),
    ("sample a --truncation nan", "--truncation is nan: give a number"),
    ("invert x --out y --learning-rate nan", "--learning-rate is nan: give a number"),
]


@pytest.mark.parametrize(("line", "part"), NUMBERS)
def test_numbers_that_no_command_takes(capsys, line, part):
    command, *words = line.split()
    assert main([command, *words]) == 2
    assert part in capsys.readouterr().err


@pytest.mark.parametrize(("line", "part"), MISTAKES)
def test_mistakes_are_one_sentence(capsys, line, part):
    command, *words = line.split()
    assert main([command, *words]) == 2
    [told] = capsys.readouterr().err.splitlines()
    assert told.startswith(f"pmsfc {command}: error: ")
    assert part in told
    assert "helptext" not in told
    assert told.endswith(f"(pmsfc {command} --help lists the options)") or "did you mean" in told


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_the_sentence_is_there_on_terminals_without_unicode_too(encoding):
    done = subprocess.run(
        [sys.executable, "-m", "pmsfc_jax", "sample"],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        text=True,
    )
    assert done.stderr.startswith("pmsfc sample: error: NAME is missing")
