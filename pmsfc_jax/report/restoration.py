"""The pages of a run of ``pmsfc restore``: pictures, how certain they are, the simple way, metrics.

They are drawn from the files of the run, a page at a time.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pmsfc_jax.core.wording import counted
from pmsfc_jax.io.images import read_png
from pmsfc_jax.io.metrics_table import Row
from pmsfc_jax.report import html
from pmsfc_jax.report.embed import MOST_BYTES
from pmsfc_jax.report.paged import save_pages
from pmsfc_jax.report.pictures import compare, gallery, still
from pmsfc_jax.report.runs import PER_PAGE

#: Pixels of the screen of each picture: four beside one another fill the page.
_SIDE = 256
#: Bytes of one picture: up to five a photograph stand where an inversion has two.
_BYTES = MOST_BYTES * 2 // 5
_TITLES = {
    "task": "loss",
    "uncertainty": "uncertainty, levels",
    "fidelity": "fidelity, levels",
    "psnr_db": "PSNR, dB",
    "simple_psnr_db": "simple way, dB",
    "ssim": "SSIM",
    "simple_ssim": "simple way, SSIM",
    "screened_out": "samples left out",
    "seconds": "seconds",
}
_MEANS = ("uncertainty", "fidelity", "psnr_db", "simple_psnr_db", "ssim", "simple_ssim", "seconds")


def save_restoration_pages(
    run: Path,
    rows: Mapping[str, Row],
    settings: Mapping[str, Any],
    *,
    truths: Mapping[str, np.ndarray] | None = None,
    chosen: Mapping[str, Any] | None = None,
    command: str | None = None,
) -> list[Path]:
    """Write ``report.html``, ``report-2.html``, ... of a run's folder from the pictures in it.

    Args:
      run: the folder, with ``given``, ``restored``, ``uncertainty`` and ``baseline``.
      rows: of ``metrics.csv``, by name, in the order of the pages.
      settings: what decided the outcome, see ``config.json``.
      truths: clean pictures ``[H, W, 3]`` uint8 by name, of the photographs that have one.
      chosen: what was chosen by itself for each kind of loss, see ``choices.json``.
      command: as it was typed.

    Returns:
      The pages.

    Raises:
      InputError: a page cannot be written.
    """
    known = truths or {}
    return save_pages(
        run,
        f"Restoration by {settings['generator']}",
        list(rows),
        lambda names: _parts(run, {name: rows[name] for name in names}, known),
        per_page=PER_PAGE,
        first=[html.paragraph(_summary(rows))] if rows else [],
        last=[*_chosen(chosen or {}), *html.how_made(command, settings)],
    )


def _chosen(chosen: Mapping[str, Any]) -> list[str]:
    """What was chosen for each kind of loss; its key begins with its name and its size."""
    parts = [html.section("What was chosen")] if chosen else []
    for key, choice in chosen.items():
        parts += [html.subsection(" ".join(key.split()[:2])), html.settings(choice)]
    return parts


def _summary(rows: Mapping[str, Row]) -> str:
    many = counted(len(rows), "photograph")
    better = _better(rows)
    beside = ""
    if better:
        beside = (
            f" Beside the clean pictures, {sum(better.values())} of {len(better)} are nearer (by "
            "PSNR) than the simple way."
        )
    return (
        f"{many}. What is restored is the mean of several samples. Where they differ the generator "
        "does not know: the uncertainty is bright there (four times the standard deviation)."
        f"{beside}"
    )


def _better(rows: Mapping[str, Row]) -> dict[str, bool]:
    """Of photographs whose truth is known, whether they are nearer to it than the simple way."""
    return {
        name: float(row["psnr_db"]) > float(row["simple_psnr_db"])
        for name, row in rows.items()
        if row.get("psnr_db") and row.get("simple_psnr_db")
    }


def _parts(run: Path, rows: Mapping[str, Row], truths: Mapping[str, np.ndarray]) -> list[str]:
    parts = []
    for name, row in rows.items():
        pictures = _pictures(run, name)
        if pictures is not None:
            tiles = _tiles(pictures, row)
            if name in truths:
                tiles.append(still(truths[name], "truth", side=_SIDE, most=_BYTES))
            parts += [html.subsection(_heading(name, row)), gallery(tiles)]
    shown = [html.section("Given and restored"), *parts] if parts else []
    return [*shown, html.section("Metrics"), _metrics(rows), html.paragraph(_LEGEND)]


_LEGEND = (
    "Uncertainty: mean standard deviation over the samples. Fidelity: how far the picture, "
    "degraded again, is from what was given (root mean square). Both in grey levels of 255. PSNR "
    "and SSIM are there where the clean picture was given."
)


def _tiles(pictures: Mapping[str, np.ndarray], row: Row) -> list[str]:
    simple = row.get("simple_way") or "simple way"
    words = ("given", "restored")
    return [
        compare(pictures["given"], pictures["restored"], words, side=_SIDE, most=_BYTES),
        still(pictures["uncertainty"], "uncertainty", side=_SIDE, most=_BYTES),
        still(pictures["baseline"], simple, side=_SIDE, most=_BYTES),
    ]


def _heading(name: str, row: Row) -> str:
    losses = row.get("task", "").replace(",", ", ")
    quality = f", {float(row['psnr_db']):.1f} dB" if row.get("psnr_db") else ""
    beside = f" beside {float(row['simple_psnr_db']):.1f} dB" if row.get("simple_psnr_db") else ""
    return f"{name}: {losses}{quality}{beside}"


def _pictures(run: Path, name: str) -> dict[str, np.ndarray] | None:
    """The pictures of a photograph in the size of what was restored; ``None`` without them."""
    try:
        found = {
            folder: Image.fromarray(read_png(run / folder / f"{name}.png"))
            for folder in ("restored", "given", "uncertainty", "baseline")
        }
    except (OSError, SyntaxError, ValueError):
        return None
    size = found["restored"].size
    # What was given may be small: each of its pixels is a square.
    return {
        folder: np.asarray(picture.resize(size, Image.Resampling.NEAREST))
        for folder, picture in found.items()
    }


def _metrics(rows: Mapping[str, Row]) -> str:
    columns = [name for name in _TITLES if any(row.get(name) for row in rows.values())]
    better = _better(rows)
    lines = [[name, *(row.get(c, "") for c in columns)] for name, row in rows.items()]
    if len(rows) > 1:
        lines.append(["mean", *(_mean(list(rows.values()), c) for c in columns)])
    header, marks = ["image", *(_TITLES[c] for c in columns)], None
    if better:
        header.append("nearer than the simple way")
        verdicts = [{True: "yes", False: "no", None: ""}[better.get(line[0])] for line in lines]
        lines = [[*line, said] for line, said in zip(lines, verdicts, strict=True)]
        marks = verdicts
    return html.table(header, lines, left=(0, 1) if "task" in columns else (0,), marks=marks)


def _mean(rows: Sequence[Row], column: str) -> str:
    values = [float(row[column]) for row in rows if column in _MEANS and row.get(column)]
    return f"{np.mean(values):.3f}" if values else ""
