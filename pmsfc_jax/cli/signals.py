"""Stopping cleanly: the first SIGTERM or Ctrl-C asks the work to save and stop."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from pmsfc_jax.cli.console import notice


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Give ``should_stop()``, true once SIGTERM or SIGINT has come; a second one acts as usual."""
    asked = False
    usual = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        notice("stopping after the step in progress; the same command continues")
        for other, handler in usual.items():
            signal.signal(other, handler)

    for number in usual:
        signal.signal(number, ask)
    try:
        yield lambda: asked
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
