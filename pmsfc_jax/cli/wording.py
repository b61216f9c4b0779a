"""How messages of commands are worded: one and many, and options by their names."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pmsfc_jax.core.errors import InputError


def counted(number: int, one: str, many: str = "") -> str:
    """``1 image``, ``2 images``; ``many`` where an s does not make it."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Seconds as words of the two largest units: ``"1 h 05 min"``, ``"2 d 3 h"``, ``"40 s"``."""
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if hours < 48:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{hours // 24} d {hours % 24} h"


@contextmanager
def told_by_options(names: Mapping[str, str]) -> Iterator[None]:
    """Let errors of the block speak of options where they speak of Python's names.

    Args:
      names: of Python, as they stand in messages, to options, such as ``num_steps`` to ``--steps``.

    Raises:
      InputError: that of the block, in other words.

    """
    try:
        yield
    except InputError as error:
        raise InputError(in_options(str(error), names)) from error


def in_options(message: str, names: Mapping[str, str]) -> str:
    """A message with each of ``names`` as the option that it is."""
    longest = sorted(names, key=len, reverse=True)
    pattern = "|".join(rf"(?<![\w.-]){re.escape(name)}(?!\w)" for name in longest)
    return re.sub(pattern, lambda found: names[found[0]], message)
