"""Commands of several actions: ``pmsfc edit swap``, ``pmsfc directions find``; knows no jax."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pmsfc_jax.cli.parsing import parse
from pmsfc_jax.core.errors import InputError

Options = TypeVar("Options")


def parse_action(
    command: str,
    actions: Mapping[str, type[Options]],
    about: Mapping[str, str],
    argv: Sequence[str],
    *,
    called: str = "action",
) -> Options | None:
    """The options of the action that ``argv`` begins with; ``None`` where the list was asked for.

    Args:
      command: its name.
      actions: options by action.
      about: a line for each, which the list shows.
      argv: the words after the command.
      called: what messages call an action.

    Raises:
      InputError: there is no such action, or its words are wrong.

    """
    action, *words = argv or [""]
    if action in ("-h", "--help", "help"):
        own = f"pmsfc {command} ACTION"
        lines = [f"usage: {own} ...   ({own} --help tells its options)", ""]
        print("\n".join([*lines, *(f"  {name:<8}{text}" for name, text in about.items())]))
        return None
    if action not in actions:
        what = f"there is no {called} {action!r}" if action else f"no {called} is named"
        raise InputError(f"{what}: choose one of {', '.join(actions)} (pmsfc {command} --help)")
    return parse(actions[action], f"{command} {action}", words)
