"""Parse a command's dataclass of options with tyro."""

from collections.abc import Sequence
from typing import TypeVar

import tyro

Options = TypeVar("Options")


def parse(options: type[Options], command: str, argv: Sequence[str]) -> Options:
    """Options from ``argv``; tyro prints help, and errors with exit code 2, from the class."""
    return tyro.cli(
        options,
        prog=f"pmsfc {command}",
        args=list(argv),
        config=(tyro.conf.OmitArgPrefixes,),
    )
