"""What every command's ``--help`` says: defaults in words, never Python's ``None``."""

import pytest

from pmsfc_jax.cli.main import COMMANDS, main
from tests.commands import actions_of

#: Every command that has options, and every action of those that have several.
WITH_OPTIONS = [
    words
    for command in COMMANDS
    for words in [f"{command} {action}" for action in actions_of(command)] or [command]
]


def help_of(command, capsys):
    try:
        code = main([*command.split(), "--help"])
    except SystemExit as stop:
        code = stop.code
    assert not code
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


@pytest.mark.parametrize("command", sorted({*WITH_OPTIONS, *COMMANDS}))
def test_no_help_speaks_of_none(capsys, command):
    text = help_of(command, capsys)
    assert f"usage: pmsfc {command}" in text
    assert "None" not in text
    assert " STR" not in text.partition("options")[0], "what stands for a word says what it is"


@pytest.mark.parametrize("command", sorted(set(WITH_OPTIONS) - {"convert", "fetch"}))
def test_every_command_can_tell_programs(capsys, command):
    text = help_of(command, capsys)
    assert "--json For programs: one JSON object a line on stdout" in text
    assert "error. Text for people goes to stderr." in text
