"""What commands share on the terminal: notices, tables, and progress."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from pmsfc_jax.cli.wording import duration

#: ``(done, total, text behind it)``.
Update = Callable[[float, float, str], None]
#: Seconds between two lines where stderr is not a terminal.
_LINE_SECONDS = 30.0


def notice(text: str) -> None:
    """Say something on stderr, so that stdout stays the command's answer."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def progress_bar(label: str) -> Iterator[Update]:
    """Tell on stderr how far the block is: a bar on a terminal, else a line every half minute.

    Gives ``update(done, total, text)``; ``text`` stands behind the bar.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(label)
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


def _lines(label: str) -> Update:
    """Lines such as ``inversion: 40 %, loss 0.01, 2 min left``; none of what is done at once."""
    told = time.monotonic()
    first: tuple[float, float] | None = None

    def update(done: float, total: float, text: str = "") -> None:
        nonlocal told, first
        now = time.monotonic()
        # What was done before, in an earlier run or while programs were compiled, tells no speed.
        first = first or ((now, done) if done else None)
        if now - told < _LINE_SECONDS:
            return
        told = now
        words = [f"{done / total:.0%}" if total else f"{done:g}", *([text] if text else [])]
        if first and done > first[1] and total:
            left = (now - first[0]) / (done - first[1]) * (total - done)
            words.append(f"{duration(left)} left")
        notice(f"{label}: {', '.join(words)}")

    return update


def table(header: list[str], rows: list[list[str]], left: int = 1) -> str:
    """Plain text columns, the first ``left`` of them aligned left, the others right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [header, *rows]
    )
