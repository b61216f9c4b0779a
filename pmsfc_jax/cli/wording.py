"""How messages of commands are worded: one and many, and options by their names."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.wording import counted as counted


def in_words(names: Sequence[str]) -> str:
    """``a, b, c and others``: no more than five are named."""
    return ", ".join(names[:5]) + (", and others" if len(names) > 5 else "")


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
