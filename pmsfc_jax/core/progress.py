"""How far long work is, told on stderr: a bar on a terminal, else a line in words."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from pmsfc_jax.core.wording import duration

#: Seconds between two lines of a log, and between two changes of a notebook's line.
_LOG_SECONDS, _NOTEBOOK_SECONDS = 30.0, 1.0


class Update(Protocol):
    """Tell how far it is."""

    def __call__(self, done: float, total: float, text: str = "") -> None:
        """``done`` of ``total``; ``text`` stands behind it."""


@contextmanager
def progress_bar(label: str) -> Iterator[Update]:
    """Tell how far the block is: a bar on a terminal, a line in a notebook, lines in a log.

    Gives ``update(done, total, text)``; ``text`` stands behind the bar.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if console.is_jupyter:
        # A carriage return writes over the line, in every front end and without widgets.
        line = _Line()
        try:
            yield _in_words(label, line.write, _NOTEBOOK_SECONDS)
        finally:
            line.end()
        return
    if not console.is_terminal:
        yield _in_words(label, _write_line, _LOG_SECONDS)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(label, total=None, text="")

        def update(done: float, total: float, text: str = "") -> None:
            progress.update(task, completed=done, total=total, text=text)

        yield update


def _write_line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class _Line:
    """A line on stderr that is written over."""

    def __init__(self) -> None:
        self._length = 0

    def write(self, text: str) -> None:
        """Show ``text`` instead of what was there."""
        sys.stderr.write("\r" + text.ljust(self._length))
        sys.stderr.flush()
        self._length = len(text)

    def end(self) -> None:
        """Leave it as it is, and let others begin a new one."""
        if self._length:
            sys.stderr.write("\n")
            sys.stderr.flush()


def _in_words(label: str, write: Callable[[str], None], every: float) -> Update:
    """Words such as ``inversion: 40 %, loss 0.01, 2 min left``; none of what is done at once.

    Where something was said the end is said, too, once: nobody is left with "1 s left".
    """
    told = time.monotonic()
    said: bool | None = None  # whether it was the end that was said last; at first nothing was
    first: tuple[float, float] | None = None

    def update(done: float, total: float, text: str = "") -> None:
        nonlocal told, said, first
        now = time.monotonic()
        # What was done before, in an earlier run or while programs were compiled, tells no speed.
        first = first or ((now, done) if done else None)
        is_done = done >= total > 0
        if now - told < every and not (is_done and said is False):
            return
        told, said = now, is_done
        words = [f"{done / total:.0%}" if total else f"{done:g}", *([text] if text else [])]
        if first and first[1] < done < total:
            left = (now - first[0]) / (done - first[1]) * (total - done)
            words.append(f"{duration(left)} left")
        write(f"{label}: {', '.join(words)}")

    return update
