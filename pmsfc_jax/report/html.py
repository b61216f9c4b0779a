"""One self-contained HTML page: everything inlined, nothing loaded, light or dark as the reader is.

Every text that is passed in is escaped; pictures are files of their own inside the page. What can
be moved is in `pmsfc_jax.report.pictures`, curves are in `pmsfc_jax.report.curves`.
"""

import html
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.report.embed import data_uri

#: Bytes of one figure, of which a page has a few; drawn ones stay without loss.
FIGURE_BYTES = 1_500_000

# The page is forbidden to load anything, whatever stands in it.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page(title: str, parts: Sequence[str]) -> str:
    """The whole page, of parts that the other functions of this module made."""
    heading = html.escape(title)
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<link rel="icon" href="data:,">',
            f"<title>{heading}</title>\n<style>\n{_asset('page.css')}</style>\n</head>\n<body>",
            f"<h1>{heading}</h1>",
            *parts,
            f"<script>\n{_asset('page.js')}</script>\n</body>\n</html>\n",
        ]
    )


def _asset(name: str) -> str:
    return files("pmsfc_jax.report").joinpath(name).read_text(encoding="utf-8")


def section(title: str) -> str:
    """A heading."""
    return f"<h2>{html.escape(title)}</h2>"


def subsection(title: str) -> str:
    """A smaller heading."""
    return f"<h3>{html.escape(title)}</h3>"


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
        # On narrow screens the name of the column stands beside the cell.
        name = f' data-column="{html.escape(header[column])}"' if tag == "td" else ""
        return f'<{tag} class="{classes}"{name}>{html.escape(text)}</{tag}>'

    def line(row: Sequence[str], mark: str) -> str:
        last = len(row) - 1
        cells = [cell("td", i, text, mark if i == last else "") for i, text in enumerate(row)]
        return f"<tr>{''.join(cells)}</tr>"

    return "\n".join(
        [
            '<div class="wide"><table class="rows"><thead>',
            f"<tr>{''.join(cell('th', i, text) for i, text in enumerate(header))}</tr>",
            "</thead><tbody>",
            *(line(row, mark) for row, mark in zip(rows, marks, strict=True)),
            "</tbody></table></div>",
        ]
    )


def figure(picture: np.ndarray, caption: str, *, chart: bool = False) -> str:
    """A picture with its caption, which is its alternative text as well.

    Args:
      picture: ``[H, W, 3]`` uint8.
      caption: stands below.
      chart: it is drawn dark on white, and turned light on dark with the page; no photograph.
    """
    text, kind = html.escape(caption), ' class="chart"' if chart else ""
    return (
        f"<figure{kind}>"
        f'<img alt="{text}" src="{data_uri(picture, most=FIGURE_BYTES)}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def settings(values: Mapping[str, Any]) -> str:
    """Settings as a table: a row each, names of nested ones joined by dots.

    Args:
      values: JSON values, nested as deep as they may be.
    """
    rows = [
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(_shown(value))}</td></tr>'
        for name, value in _flat(values)
    ]
    return f'<table class="pairs">{"".join(rows)}</table>'


def how_made(command: str | None, values: Mapping[str, Any]) -> list[str]:
    """The last parts of a page: the command, and its settings folded away."""
    shown = [preformatted(command)] if command else []
    return [
        section("How this was made"),
        *shown,
        f"<details><summary>All settings</summary>{settings(values)}</details>",
    ]


def links(pages: Sequence[tuple[str, str]], here: int) -> str:
    """Links to the pages of one report.

    Args:
      pages: for each its words and its file, in the same folder.
      here: number of the page on which they stand.
    """
    parts = [
        f"<b>{html.escape(words)}</b>"
        if number == here
        else f'<a href="{html.escape(file)}">{html.escape(words)}</a>'
        for number, (words, file) in enumerate(pages)
    ]
    return f"<nav>{' '.join(parts)}</nav>"


def _flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
            value = {str(number): one for number, one in enumerate(value, 1)}
        if isinstance(value, Mapping) and value:
            rows += _flat(value, f"{before}{name}.")
        else:
            rows.append((f"{before}{name}", value))
    return rows


def _shown(value: Any) -> str:
    if value in (None, {}, [], ()):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
