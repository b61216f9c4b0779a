"""Pictures to be moved and compared on a page: parts for `pmsfc_jax.report.html.page`.

Pictures are ``[H, W, 3]`` uint8. A small one is enlarged by a whole factor, every pixel a sharp
square. All of it works by mouse, touch and keyboard; the script is `page`'s.
"""

import html
from collections.abc import Sequence

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.report.embed import MOST_BYTES, checked, data_uri

# Pixels a side up to which pictures are enlarged, by whole factors; and of the largest picture.
_STAGE, _LARGEST = 320, 512


def compare(
    left: np.ndarray,
    right: np.ndarray,
    labels: tuple[str, str] = ("before", "after"),
    *,
    caption: str = "",
    side: int | None = None,
    most: int = MOST_BYTES,
) -> str:
    """Two pictures on one another, and a slider that says how much of each is seen.

    Args:
      left: the picture left of the slider.
      right: the one right of it, of the same shape.
      labels: what they are, in a word or two each.
      caption: stands below.
      side: pixels of the screen of their larger side, see `still`.
      most: bytes of a picture, see `data_uri`.

    Raises:
      InputError: they are no pictures, or differ in shape.
    """
    left, right = checked(left), checked(right)
    if left.shape != right.shape:
        raise InputError(
            f"pictures of {left.shape[:2]} and {right.shape[:2]} cannot be laid on one another: "
            "give two of the same size"
        )
    first, second = (html.escape(label) for label in labels)
    name = f"{html.escape(caption)}: " if caption else ""
    pictures = [
        _image(left, f"{name}{first}", most=most, classes="left"),
        _image(right, f"{name}{second}", most=most, classes="right"),
    ]
    return (
        f'<figure class="compare"><span class="stage" style="{_stage(left, side)}">'
        f"{''.join(pictures)}"
        f'<span class="edge"></span><span class="word left">{first}</span>'
        f'<span class="word right">{second}</span></span>'
        f'<input type="range" min="0" max="100" step="any" value="50" style="max-width:'
        f'{_stage_width(left, side)}px" aria-label="{name}{first} or {second}">'
        f"{_caption(caption)}</figure>"
    )


def still(
    picture: np.ndarray,
    label: str,
    *,
    caption: str = "",
    side: int | None = None,
    most: int = MOST_BYTES,
) -> str:
    """A picture of the size that the others of this module have, with a word on it.

    Args:
      picture: what is shown.
      label: what it is, in a word or two.
      caption: stands below.
      side: pixels of the screen of its larger side: it is enlarged by a whole factor, or reduced.
      most: bytes of the picture, see `data_uri`.
    """
    word = html.escape(label)
    name = f"{html.escape(caption)}: {word}" if caption else word
    return (
        f'<figure class="still"><span class="stage" style="{_stage(picture, side)}">'
        f'{_image(picture, name, most=most)}<span class="word left">{word}</span></span>'
        f"{_caption(caption)}</figure>"
    )


def frames(
    pictures: Sequence[np.ndarray],
    labels: Sequence[str],
    *,
    caption: str = "",
    start: int = 0,
    side: int | None = None,
    most: int = MOST_BYTES,
) -> str:
    """One of several pictures, chosen by a slider.

    Args:
      pictures: two or more of one shape.
      labels: what each is, shown beside the slider.
      caption: stands below.
      start: number of the picture that is seen first.
      side: pixels of the screen of their larger side, see `still`.
      most: bytes of a picture, see `data_uri`.

    Raises:
      InputError: fewer than two pictures, other shapes, another number of labels, or no such start.
    """
    pictures = [checked(picture) for picture in pictures]
    if len(pictures) < 2 or len(labels) != len(pictures) or not 0 <= start < len(pictures):
        raise InputError(
            f"a slider over frames needs two or more pictures with a label each, not "
            f"{len(pictures)} with {len(labels)} and number {start} at first"
        )
    if len({picture.shape for picture in pictures}) > 1:
        raise InputError("the frames under a slider have one size")
    images = [
        _image(picture, html.escape(label), most=most, hidden=number != start)
        for number, (picture, label) in enumerate(zip(pictures, labels, strict=True))
    ]
    shown = html.escape(labels[start])
    return (
        f'<figure class="frames"><span class="stage" style="{_stage(pictures[0], side)}">'
        f'{"".join(images)}</span><input type="range" min="0" max="{len(pictures) - 1}" step="1" '
        f'value="{start}" style="max-width:{_stage_width(pictures[0], side)}px" '
        f'aria-label="{html.escape(caption or "frame")}" aria-valuetext="{shown}">'
        f"<output>{shown}</output>{_caption(caption)}</figure>"
    )


def matrix(
    rows: Sequence[str],
    columns: Sequence[str],
    pictures: Sequence[Sequence[np.ndarray | None]],
    *,
    caption: str = "",
    cell: int = 128,
    chart: bool = False,
    most: int = MOST_BYTES,
) -> str:
    """Pictures in rows and columns with titles that stay text; it scrolls sideways where it must.

    Args:
      rows: titles of the rows.
      columns: titles of the columns.
      pictures: for each row a picture a column, ``None`` where there is none.
      caption: stands below.
      cell: pixels of a picture's larger side.
      chart: they are drawn on white, and turned dark with the page.
      most: bytes of a picture, see `data_uri`.

    Raises:
      InputError: another number of pictures than of rows and columns.
    """
    if len(pictures) != len(rows) or any(len(row) != len(columns) for row in pictures):
        raise InputError(
            f"a matrix of {len(rows)} rows and {len(columns)} columns needs as many pictures"
        )

    def entry(picture: np.ndarray | None, row: str, column: str) -> str:
        if picture is None:
            return "<td></td>"
        name = html.escape(f"{row}, {column}" if row else column)
        return f"<td>{_image(picture, name, most=most, side=cell)}</td>"

    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in columns)
    body = [
        f'<tr><th scope="row">{html.escape(row)}</th>'
        f"{''.join(entry(p, row, c) for p, c in zip(line, columns, strict=True))}</tr>"
        for row, line in zip(rows, pictures, strict=True)
    ]
    kind = ' class="chart"' if chart else ""
    return (
        f'<figure{kind}><div class="wide"><table class="matrix"><thead><tr><td></td>{head}</tr>'
        f"</thead><tbody>{''.join(body)}</tbody></table></div>{_caption(caption)}</figure>"
    )


def evenly_chosen(count: int, most: int) -> list[int]:
    """Numbers of at most so many of ``count`` frames, evenly chosen, with both ends."""
    places: list[int] = np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()
    return sorted(set(places))


def gallery(parts: Sequence[str]) -> str:
    """Parts beside one another, as many as there is room for."""
    return f'<div class="gallery">{"".join(parts)}</div>'


def _image(
    picture: np.ndarray,
    alt: str,
    *,
    most: int,
    classes: str = "",
    hidden: bool = False,
    side: int | None = None,
) -> str:
    """An ``img``; ``alt`` is escaped already. With ``side`` it has a size of its own."""
    picture = checked(picture)
    small = max(picture.shape[:2]) <= (side or _STAGE)
    names = " ".join(name for name in (classes, "sharp" if small else "") if name)
    size = ""
    if side is not None:
        width = _width(picture, side)
        size = f' width="{width}" height="{round(width * picture.shape[0] / picture.shape[1])}"'
    return (
        f'<img class="{names}"{size} alt="{alt}" src="{data_uri(picture, most=most)}" '
        f'decoding="async"{" hidden" if hidden else ""}>'
    )


def _stage(picture: np.ndarray, side: int | None) -> str:
    height, width = picture.shape[:2]
    return f"width:{_stage_width(picture, side)}px;aspect-ratio:{width}/{height}"


def _stage_width(picture: np.ndarray, side: int | None) -> int:
    usual = _STAGE if max(picture.shape[:2]) <= _STAGE else _LARGEST
    return _width(picture, side or usual)


def _width(picture: np.ndarray, side: int) -> int:
    """Pixels of the screen that a picture is wide: enlarged by a whole factor, or reduced."""
    height, width = picture.shape[:2]
    largest = max(height, width)
    if largest <= side:
        return width * (side // largest)
    return max(1, round(width * side / largest))


def _caption(caption: str) -> str:
    return f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
