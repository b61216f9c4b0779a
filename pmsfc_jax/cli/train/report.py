"""How `pmsfc train` tells where it is: a bar on a terminal, lines in a log file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from pmsfc_jax.cli.console import notice, progress_bar

if TYPE_CHECKING:
    from pmsfc_jax.training.record import Progress

#: Seconds between two lines where stderr is not a terminal.
_LINE_SECONDS = 60.0


@contextmanager
def reporter() -> Iterator[Callable[["Progress"], None]]:
    """Give ``report(progress)``: speed and time left, as a bar or as a line a minute."""
    told = -float("inf")
    lines = not sys.stderr.isatty()
    with progress_bar("training") as update:

        def report(now: "Progress") -> None:
            nonlocal told
            speed = f"{now.side}x{now.side} {now.images_per_second:.0f} images/s"
            update(now.images, now.total_images, speed)
            if lines and monotonic() - told >= _LINE_SECONDS:
                told = monotonic()
                left = duration(now.seconds_left)
                notice(f"{now.images} of {now.total_images} images, {speed}, {left} left")

        yield report


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
