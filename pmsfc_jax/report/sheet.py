"""Contact sheets: pictures side by side with titles, and uncurated grids.

Pictures are ``[H, W, 3]`` uint8 RGB and so are the sheets. A picture smaller than its cell is
enlarged by a whole factor with every pixel a sharp square, so that nothing is smoothed over; one
larger than its cell is reduced. Everything is Pillow and numpy.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.report.text import can_draw, font, line_height, shorten

#: How much `difference_image` amplifies unless told otherwise: an error of 16 levels shows as 64.
DIFFERENCE_FACTOR = 4

# Height of a sheet over its width, at most, where that can be chosen.
_TALLEST = 1.5
_INK = (32, 33, 36)
_FAINT_INK = (95, 99, 104)
_HAIRLINE = (218, 220, 224)
_WHITE = (255, 255, 255)


def comparison_sheet(
    rows: Sequence[Sequence[np.ndarray]],
    *,
    column_titles: Sequence[str],
    row_titles: Sequence[str] | None = None,
    cell: int = 256,
    across: int | None = 1,
) -> np.ndarray:
    """Lay out pictures in rows under column titles, on white.

    All cells have one size, that of the largest picture after scaling, and each picture is
    centred in its cell inside a hairline. A row's title stands above the row; one too long for
    the width ends in an ellipsis. Several rows may stand beside one another: they are read from
    left to right, and then downwards.

    Args:
      rows: for each row its pictures, as many as there are column titles.
      column_titles: one for each column.
      row_titles: one for each row, for instance a name and a PSNR; ``None`` for none.
      cell: largest side of a picture on the sheet, in pixels.
      across: how many rows stand beside one another; ``None`` for as many as keep the sheet from
        being much taller than it is wide.

    Returns:
      The sheet, ``[height, width, 3]`` uint8. It grows with the number of rows: split very long
      lists into several sheets.

    Raises:
      InputError: no rows, rows of another length than the titles, or something that is no picture.
    """
    if not rows or not column_titles:
        raise InputError("a sheet needs at least one row and one column of pictures")
    lengths = sorted({len(row) for row in rows})
    if lengths != [len(column_titles)]:
        raise InputError(
            f"a sheet has {len(column_titles)} column titles and rows of {lengths} pictures: "
            "give every row one picture a column"
        )
    if row_titles is not None and len(row_titles) != len(rows):
        raise InputError(f"a sheet has {len(row_titles)} row titles and {len(rows)} rows")

    pictures = [[_fit(image, cell) for image in row] for row in rows]
    width = max(picture.width for row in pictures for picture in row)
    height = max(picture.height for row in pictures for picture in row)
    gap, margin = max(6, cell // 16), max(12, cell // 10)
    head, label = font(max(13, cell // 13)), font(max(12, cell // 16))
    head_height = line_height(head) + gap
    label_height = 0 if row_titles is None else line_height(label) + gap // 2
    pitch = label_height + height + (gap if row_titles is None else 2 * gap)
    columns = len(column_titles)
    row_width = columns * width + (columns - 1) * gap
    if across is None:
        across = _suitable(len(rows), row_width, pitch)
    lines = -(-len(rows) // across)
    full_width = 2 * margin + across * row_width + (across - 1) * 2 * margin
    full_height = 2 * margin + head_height + lines * pitch - (pitch - label_height - height)

    sheet = Image.new("RGB", (full_width, full_height), _WHITE)
    draw = ImageDraw.Draw(sheet)
    starts = [margin + place * (row_width + 2 * margin) for place in range(across)]
    lefts = [column * (width + gap) for column in range(columns)]
    for start in starts:
        for left, title in zip(lefts, column_titles, strict=True):
            text = shorten(title, head, width)
            where = (start + left + width / 2, margin)
            draw.text(where, text, fill=_INK, font=head, anchor="ma")
    for number, row in enumerate(pictures):
        line, place = divmod(number, across)
        start, top = starts[place], margin + head_height + line * pitch
        if row_titles is not None:
            text = shorten(row_titles[number], label, row_width)
            draw.text((start, top), text, fill=_FAINT_INK, font=label, anchor="la")
        for left, picture in zip(lefts, row, strict=True):
            x = start + left + (width - picture.width) // 2
            y = top + label_height + (height - picture.height) // 2
            _place(sheet, draw, picture, x, y)
    return np.array(sheet)


def reconstruction_sheet(
    targets: Sequence[np.ndarray] | np.ndarray,
    reconstructions: Sequence[np.ndarray] | np.ndarray,
    *,
    names: Sequence[str],
    psnr: Sequence[float] | np.ndarray,
    factor: int = DIFFERENCE_FACTOR,
    cell: int = 256,
    first: int = 1,
) -> np.ndarray:
    """Lay out target, reconstruction and difference, with name and PSNR above each row.

    As many rows stand beside one another as suit. A name that the font cannot draw is left out, and
    the row's number stands in its place.

    Args:
      targets: ``[H, W, 3]`` uint8 each.
      reconstructions: the same, in the same order.
      names: one for each pair.
      psnr: in decibels, one for each pair; infinite for identical pictures.
      factor: how much the difference is amplified; its column title says so.
      cell: largest side of a picture on the sheet, in pixels.
      first: the first row's number.

    Raises:
      InputError: the four differ in length, or a pair in shape.
    """
    if not len(targets) == len(reconstructions) == len(names) == len(psnr):
        raise InputError(
            f"{len(targets)} targets, {len(reconstructions)} reconstructions, {len(names)} names "
            f"and {len(psnr)} values of PSNR do not make a sheet: give one of each a row"
        )
    rows = [
        [target, reconstruction, difference_image(target, reconstruction, factor=factor)]
        for target, reconstruction in zip(targets, reconstructions, strict=True)
    ]
    return comparison_sheet(
        rows,
        column_titles=["target", "reconstruction", f"difference x{factor}"],
        row_titles=[
            f"{name if can_draw(name) else f'no. {number}'}  ·  "
            f"{'identical' if np.isposinf(value) else f'{value:.2f} dB'}"
            for number, (name, value) in enumerate(zip(names, psnr, strict=True), first)
        ],
        cell=cell,
        across=None,
    )


def difference_image(
    a: np.ndarray, b: np.ndarray, *, factor: int = DIFFERENCE_FACTOR, grey: bool = False
) -> np.ndarray:
    """``min(255, factor * |a - b|)`` for each channel: black where two pictures agree.

    Args:
      a: ``[H, W, 3]`` uint8.
      b: the same.
      factor: what the difference is multiplied by, at least 1; state it beside the picture.
      grey: show the largest of the three channels' differences as grey instead of colours.

    Returns:
      ``[H, W, 3]`` uint8.

    Raises:
      InputError: the two are not pictures of one shape, or ``factor`` is below 1.
    """
    a, b = _checked(a), _checked(b)
    if a.shape != b.shape:
        raise InputError(f"pictures of different shapes have no difference: {a.shape}, {b.shape}")
    if factor < 1:
        raise InputError(f"a difference is amplified by a factor of at least 1, not {factor}")
    difference = np.abs(a.astype(np.int64) - b.astype(np.int64))
    if grey:
        difference = np.broadcast_to(difference.max(2, keepdims=True), difference.shape)
    return np.minimum(difference * factor, 255).astype(np.uint8)


def grid(
    images: Sequence[np.ndarray] | np.ndarray, columns: int, *, cell: int = 96, gap: int = 4
) -> np.ndarray:
    """Lay out pictures row by row without titles, on white, for samples nobody picked.

    Args:
      images: ``[H, W, 3]`` uint8 each; the last row may stay short.
      columns: pictures in a row.
      cell: largest side of a picture on the sheet, in pixels.
      gap: white pixels between and around the pictures.

    Returns:
      ``[height, width, 3]`` uint8.

    Raises:
      InputError: no pictures, or ``columns`` is below 1.
    """
    if len(images) == 0 or columns < 1:
        raise InputError(
            f"a grid needs pictures and columns; got {len(images)} pictures, {columns} columns"
        )
    pictures = [_fit(image, cell) for image in images]
    columns = min(columns, len(pictures))
    width = max(picture.width for picture in pictures)
    height = max(picture.height for picture in pictures)
    lines = -(-len(pictures) // columns)
    size = (columns * (width + gap) + gap, lines * (height + gap) + gap)
    sheet = Image.new("RGB", size, _WHITE)
    for number, picture in enumerate(pictures):
        line, column = divmod(number, columns)
        x = gap + column * (width + gap) + (width - picture.width) // 2
        y = gap + line * (height + gap) + (height - picture.height) // 2
        sheet.paste(picture, (x, y))
    return np.array(sheet)


def _suitable(count: int, width: int, height: int) -> int:
    """How many of ``count`` rows of this size stand beside one another on a well-formed sheet."""
    across = 1
    while -(-count // across) * height > _TALLEST * across * width:
        across += 1
    return across


def _fit(image: np.ndarray, cell: int) -> Image.Image:
    """Scale a picture so that its larger side is at most ``cell``: sharply up, smoothly down."""
    if cell < 1:
        raise InputError(f"a cell is at least 1 pixel, not {cell}")
    image = _checked(image)
    largest = max(image.shape[:2])
    if largest <= cell:
        factor = cell // largest
        return Image.fromarray(image.repeat(factor, 0).repeat(factor, 1))
    height, width = (max(1, round(side * cell / largest)) for side in image.shape[:2])
    return Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)


def _checked(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise InputError(
            f"a sheet is made of [H, W, 3] uint8 pictures, not {image.shape} {image.dtype}"
        )
    return image


def _place(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, picture: Image.Image, x: int, y: int
) -> None:
    """Paste a picture and draw a hairline around it, so that white pictures have an edge."""
    draw.rectangle((x - 1, y - 1, x + picture.width, y + picture.height), outline=_HAIRLINE)
    sheet.paste(picture, (x, y))
