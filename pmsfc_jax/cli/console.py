"""What commands share on the terminal: notices, tables, and progress."""

import sys

from pmsfc_jax.core.progress import Update, progress_bar

__all__ = ["Update", "notice", "progress_bar", "table"]


def notice(text: str) -> None:
    """Say something on stderr, so that stdout stays the command's answer."""
    print(text, file=sys.stderr, flush=True)


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
