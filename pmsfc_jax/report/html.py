"""One self-contained HTML page: everything inlined, nothing loaded, light or dark as the reader is.

Every text that is passed in is escaped; pictures are PNG files of their own inside the page.
"""

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from pmsfc_jax.core.errors import InputError

_STYLE = """
:root { color-scheme: light dark; --ink: #202124; --faint: #5f6368; --paper: #ffffff;
  --line: #dadce0; --shade: #f3f4f6; --yes: #0b6b3a; --no: #a3282d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --faint: #9aa0a6; --paper: #17181a;
  --line: #3c4043; --shade: #232528; --yes: #6fd39b; --no: #ff8f8f; } }
body { margin: 2rem auto; padding: 0 1rem; max-width: 70rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
p, figcaption { max-width: 46rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
th { text-align: right; background: var(--shade); font-weight: 600; }
th.left, td.left { text-align: left; }
td.yes { color: var(--yes); font-weight: 600; } td.no { color: var(--no); font-weight: 600; }
figure { margin: 1.2rem 0; }
figure img { max-width: 100%; background: #ffffff; border-radius: 6px; }
figcaption { color: var(--faint); font-size: .92rem; }
pre { padding: .8rem; background: var(--shade); border-radius: 6px; overflow-x: auto; }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """The whole page, of parts that the other functions of this module made."""
    heading = html.escape(title)
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{heading}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f"<h1>{heading}</h1>",
            *parts,
            "</body>\n</html>\n",
        ]
    )


def section(title: str) -> str:
    """A heading."""
    return f"<h2>{html.escape(title)}</h2>"


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{html.escape(text)}</p>"


def preformatted(text: str) -> str:
    """Text as it stands, for commands and settings."""
    return f"<pre>{html.escape(text)}</pre>"


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: Sequence[int] = (0,),
    marks: Sequence[str] | None = None,
) -> str:
    """A table.

    Args:
      header: titles of the columns.
      rows: cells, as many a row as there are columns.
      left: columns that hold words and are aligned left.
      marks: for each row ``"yes"``, ``"no"`` or nothing, which colours its last cell.

    Raises:
      InputError: a row of another length than the header, or another number of marks than rows.
    """
    marks = [""] * len(rows) if marks is None else marks
    if any(len(row) != len(header) for row in rows) or len(marks) != len(rows):
        raise InputError(
            f"a table of {len(header)} columns and {len(rows)} rows needs as many cells and marks"
        )

    def cell(tag: str, column: int, text: str, mark: str = "") -> str:
        classes = " ".join((["left"] if column in left else []) + ([mark] if mark else []))
        return f'<{tag} class="{classes}">{html.escape(text)}</{tag}>'

    def line(row: Sequence[str], mark: str) -> str:
        last = len(row) - 1
        cells = [cell("td", i, text, mark if i == last else "") for i, text in enumerate(row)]
        return f"<tr>{''.join(cells)}</tr>"

    return "\n".join(
        [
            '<div class="wide"><table>',
            f"<tr>{''.join(cell('th', i, text) for i, text in enumerate(header))}</tr>",
            *(line(row, mark) for row, mark in zip(rows, marks, strict=True)),
            "</table></div>",
        ]
    )


def figure(picture: np.ndarray, caption: str) -> str:
    """A picture, ``[H, W, 3]`` uint8, with its caption, which is its alternative text as well."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    text = html.escape(caption)
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )
