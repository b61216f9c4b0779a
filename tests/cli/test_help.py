"""What every command's ``--help`` says: defaults in words, never Python's ``None``."""

import pytest

from pmsfc_jax.cli.main import COMMANDS, main


def help_of(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert not stop.value.code
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


@pytest.mark.parametrize("command", COMMANDS)
def test_no_help_speaks_of_none(capsys, command):
    text = help_of(command, capsys)
    assert f"usage: pmsfc {command}" in text
    assert "None" not in text
    assert " STR" not in text.partition("options")[0], "what stands for a word says what it is"


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"convert", "fetch"}))
def test_every_command_can_tell_programs(capsys, command):
    text = help_of(command, capsys)
    assert "--json For programs: one JSON object a line on stdout" in text
    assert "error. Text for people goes to stderr." in text
