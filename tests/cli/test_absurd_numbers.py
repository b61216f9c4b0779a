"""Numbers that make no sense, for every option that takes one: refused in a line, or of no harm."""

import importlib
import re

import pytest

from pmsfc_jax.cli.parsing import _types, _words

DONE = 77  # what a command's work gives here, which is not done
COMMANDS = (
    *("invert", "discover", "evaluate", "train", "restore"),
    *("sample", "parts", "directions find"),
)


@pytest.fixture
def words_of(photos, tmp_path):
    """What each command needs besides."""
    return {
        "invert": [photos, "--generator", "plain", "--out", tmp_path / "out"],
        "discover": ["plain", "--layer", "3"],
        "evaluate": [photos, "--generator", "plain", "--out", tmp_path / "out"],
        "train": ["--data", photos, "--run", tmp_path / "out"],
        "restore": [
            *(photos, "--generator", "plain", "--task", "denoise,super,jpeg"),
            *("--out", tmp_path / "out"),
        ],
        "sample": ["plain", "--out", tmp_path / "out.png"],
        "parts": ["plain", "--out", tmp_path / "out"],
        "directions find": ["plain", "--out", tmp_path / "out.npz"],
    }


def options_of(command):
    name, _, action = command.partition(" ")
    module = importlib.import_module(f"pmsfc_jax.cli.{name}")
    if action:
        return module.ACTIONS[action]
    if hasattr(module, "Options"):
        return module.Options
    return importlib.import_module(f"pmsfc_jax.cli.{name}.options").Options


def numbers_of(command):
    """Each option that takes a number, with absurd ones."""
    for word, hint in _words(options_of(command)):
        types = _types(hint)
        if (int in types or float in types) and not word.startswith("--no-"):
            yield from ((word, value) for value in ("-1", *["nan"] * (float in types)))


@pytest.mark.parametrize("command", COMMANDS)
def test_absurd_numbers_are_told_by_the_names_of_options(
    pmsfc, monkeypatch, words_of, tmp_path, command
):
    name = command.partition(" ")[0]
    if name in ("invert", "discover", "evaluate", "train", "restore"):
        work = importlib.import_module(f"pmsfc_jax.cli.{name}.work")
        monkeypatch.setattr(work, "work", lambda job: DONE)
    fields = [word[2:].replace("-", "_") for word, _ in _words(options_of(command))]
    of_python = [field for field in fields if "_" in field] + ["num_steps", "codes_per_subspace"]
    tried = 0
    for word, value in numbers_of(command):
        code, _, err = pmsfc(*command.split(), *words_of[command], word, value)
        said = f"{command} {word} {value}: {code}, {err}"
        assert code in (2, DONE), said
        if code == 2:
            last = err.splitlines()[-1]
            assert last.startswith(f"pmsfc {name}: error: "), said
            assert not re.search(rf"(?<![\w.-])({'|'.join(of_python)})(?!\w)", last), said
        else:
            assert value != "nan", said
        assert not [path for path in tmp_path.iterdir() if path.name.startswith("out")], said
        tried += 1
    assert tried > 2
