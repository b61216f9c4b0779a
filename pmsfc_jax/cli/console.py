"""What commands share on the terminal: notices, tables, and a progress bar."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


def notice(text: str) -> None:
    """Say something on stderr, so that stdout stays the command's answer."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float, float, str], None]]:
    """A bar on stderr while the block runs; nothing where stderr is not a terminal.

    Gives ``update(done, total, text)``; ``text`` stands behind the bar.
    """
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(label, total=None, text="")

        def update(done: float, total: float, text: str = "") -> None:
            progress.update(task, completed=done, total=total, text=text)

        yield update


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
