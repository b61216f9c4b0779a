"""The report of `pmsfc discover`: what the subspaces of a layer are, beside random ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pmsfc_jax.api import Subspaces, to_uint8
from pmsfc_jax.core.images import LEVELS
from pmsfc_jax.effects.comparison import MEASURES, BesideRandom
from pmsfc_jax.effects.subspace_effects import SubspaceEffects
from pmsfc_jax.report import html
from pmsfc_jax.report.charts import bar_chart, effect_pictures, heatmap
from pmsfc_jax.report.pictures import matrix
from pmsfc_jax.report.sheet import comparison_sheet
from pmsfc_jax.subspace.subspaces import discovery_of

#: Coefficients above this quantile of all are darkest.
_QUANTILE = 0.995
_SHEET_WIDTH = 1400

CAPTIONS: Mapping[str, str] = {
    "coefficients": "Magnitudes of the coefficients S, channels in the order of their subspaces; "
    "lines between subspaces. Left: discovered. Right: the same matrix in the order of a random "
    "partition of equal sizes. Entry (i, j): how much of channel i writes channel j.",
    "spectrum": "Largest eigenvalues of the normalised affinity. Channels that fall apart into R "
    "groups show R large eigenvalues and a gap.",
    "effects": "Where the exchange of a subspace changes pictures: mean absolute change over "
    "pairs of codes, on one scale for all; where nothing changes it is the colour of the page.",
    "exchanges": "Source, the source with the features of one subspace taken from the partner, and "
    "partner. Each row is a random pair of codes, not picked.",
    "exchanges_random": "The same pairs with a random partition of equal sizes.",
}


def subspace_pictures(
    subspaces: Subspaces, beside: BesideRandom, grid: np.ndarray, random_grid: np.ndarray
) -> dict[str, np.ndarray]:
    """The pictures by the names of `CAPTIONS`, each ``[H, W, 3]`` uint8.

    Args:
      subspaces: what was discovered.
      beside: its effects and those of random partitions.
      grid: ``[n, R + 2, H, W, 3]`` in [-1, 1], of `exchange_grid`.
      random_grid: the same pairs with the first random partition.
    """
    return {
        "coefficients": _coefficients(subspaces, beside.random_masks[0]),
        "spectrum": bar_chart(
            np.asarray(discovery_of(subspaces).eigenvalues).tolist(),
            highlighted=subspaces.num_subspaces,
            title=f"Eigenvalues of the affinity, {subspaces.num_subspaces} subspaces",
        ),
        "effects": _effects(beside.effects, beside.random[0]),
        "exchanges": _exchanges(grid),
        "exchanges_random": _exchanges(random_grid),
    }


def channel_order(masks: np.ndarray, coefficients: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Channels by subspace, in each by falling coefficients inside it; and where blocks begin.

    Args:
      masks: ``[R, C]``.
      coefficients: ``[C, C]``.

    Returns:
      The order ``[C]``, and for each subspace after the first its first place in it.
    """
    size = np.abs(coefficients)
    order, starts, place = [], [], 0
    for mask in np.asarray(masks) > 0:
        own = np.flatnonzero(mask)
        inside = size[np.ix_(own, own)]
        order.append(own[np.argsort(-(inside.sum(0) + inside.sum(1)), kind="stable")])
        starts.append(place)
        place += own.size
    return np.concatenate(order), starts[1:]


def _coefficients(subspaces: Subspaces, random_masks: np.ndarray) -> np.ndarray:
    coefficients = np.abs(np.asarray(discovery_of(subspaces).coefficients, np.float64))
    limit = float(np.quantile(coefficients, _QUANTILE)) or float(coefficients.max()) or 1.0
    drawn = []
    for masks in (np.asarray(subspaces.masks), random_masks):
        order, starts = channel_order(masks, coefficients)
        drawn.append(heatmap(coefficients[np.ix_(order, order)], limit=limit, borders=starts))
    return comparison_sheet(
        [drawn], column_titles=["discovered", "random"], cell=max(480, drawn[0].shape[0])
    )


def _effects(effects: SubspaceEffects, random: SubspaceEffects) -> np.ndarray:
    rows, titles = _effect_rows(effects, random)
    columns = _titles(len(effects.change))
    return comparison_sheet(
        rows, column_titles=columns, row_titles=titles, cell=_cell(len(columns))
    )


def _effect_rows(
    effects: SubspaceEffects, random: SubspaceEffects
) -> tuple[list[list[np.ndarray]], list[str]]:
    """The maps of both, and titles that tell the largest value, since the scale is one for all."""
    limit = float(max(effects.effect_maps.max(), random.effect_maps.max())) or 1.0
    rows = [("discovered", effects), ("random", random)]
    return [effect_pictures(found.effect_maps, limit=limit) for _, found in rows], [
        f"{name}: at most {found.effect_maps.max() * LEVELS:.1f} of 255 levels"
        for name, found in rows
    ]


def _titles(number: int) -> list[str]:
    return [f"subspace {r}" for r in range(number)]


def _exchanges(grid: np.ndarray) -> np.ndarray:
    number = grid.shape[1] - 2
    return comparison_sheet(
        [list(row) for row in to_uint8(grid)],
        column_titles=["source", *(f"{r}" for r in range(number)), "partner"],
        cell=_cell(grid.shape[1], most=128),
    )


def _cell(columns: int, *, most: int = 192) -> int:
    return max(40, min(most, _SHEET_WIDTH // columns))


def diagnostics(
    subspaces: Subspaces, beside: BesideRandom | None, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything in numbers, as JSON values; undefined ones are null.

    Args:
      subspaces: what was discovered.
      beside: its effects and those of random partitions; None where they were not measured.
      facts: what the caller knows: command, weights, seed.
    """
    found = discovery_of(subspaces)
    numbers = {
        **facts,
        "layer": subspaces.layer,
        "num_subspaces": subspaces.num_subspaces,
        "sizes": list(subspaces.sizes),
        "isolated_channels": int(np.asarray(found.isolated).sum()),
        "residual": _plain(found.residual),
        "held_out_residual": _plain(found.held_out_residual),
        "eigenvalues": _plain(found.eigenvalues),
    }
    if beside is None:
        return numbers
    effects = beside.effects
    names = ("change", "perceptual", "area", "map_area", "radius", "colour", "flat")
    numbers["num_pairs"] = effects.num_pairs
    numbers["num_random"] = len(beside.random)
    numbers["effects"] = {name: _plain(getattr(effects, name)) for name in names} | {
        "whole_change": _plain(effects.whole_change),
        "whole_perceptual": _plain(effects.whole_perceptual),
        "interaction": _plain(effects.interaction),
    }
    numbers["measures"] = {
        name: {
            "claim": MEASURES[name].claim,
            "smaller_is_more": MEASURES[name].sign < 0,
            "value": _plain(row.value),
            "random": _plain(row.random),
            "deviations": _plain(row.score(MEASURES[name].sign)),
            "verdict": verdict(beside, name),
        }
        for name, row in beside.measures.items()
    }
    return numbers


def verdict(beside: BesideRandom, name: str) -> str:
    """``"more"`` or ``"less"`` than every random partition what the claim says, else ``"same"``."""
    side = beside.measures[name].beyond() * MEASURES[name].sign
    return {1: "more", -1: "less", 0: "same"}[side]


def _plain(value: Any) -> Any:
    """Arrays and scalars as lists and numbers, None for NaN."""
    if value is None:
        return None
    array = np.asarray(value, np.float64)
    if array.ndim:
        return [_plain(entry) for entry in array]
    return float(f"{float(array):.6g}") if np.isfinite(array) else None


def measure_rows(beside: BesideRandom) -> tuple[list[str], list[list[str]], list[str]]:
    """The table of measures beside random: header, rows, and the verdict of each row."""
    header = ["acts more", "measure", "discovered", "random, mean", "random, range", "verdict"]
    rows, verdicts = [], []
    for name, row in beside.measures.items():
        found = verdict(beside, name)
        claim = MEASURES[name].claim
        rows.append(
            [
                claim,
                f"{name}: {MEASURES[name].text}",
                f"{row.value:.3f}",
                f"{row.random.mean():.3f}",
                f"{row.random.min():.3f} to {row.random.max():.3f}",
                "no different" if found == "same" else f"{found} {claim}",
            ]
        )
        verdicts.append(found)
    return header, rows, verdicts


def subspace_page(
    subspaces: Subspaces,
    beside: BesideRandom,
    pictures: Mapping[str, np.ndarray],
    grids: Sequence[np.ndarray],
    *,
    command: str,
    settings: Mapping[str, Any],
) -> str:
    """The page, see `pmsfc_jax.report.html`.

    Args:
      subspaces: what was discovered.
      beside: its effects and those of random partitions.
      pictures: of `subspace_pictures`.
      grids: of `exchange_grid`, of the subspaces and of the first random partition.
      command: as it was typed.
      settings: what decided the outcome.
    """
    effects, number, discovery = beside.effects, len(beside.random), discovery_of(subspaces)
    header, rows, verdicts = measure_rows(beside)
    counts = {kind: verdicts.count(kind) for kind in ("more", "same", "less")}
    marks = [{"more": "yes", "less": "no"}.get(found, "") for found in verdicts]
    summary = (
        f"{subspaces.num_subspaces} subspaces of {', '.join(map(str, subspaces.sizes))} channels. "
        f"Beside {number} random partitions of the same sizes, of {len(rows)} measures "
        f"{counts['more']} speak for them more than for any random one, {counts['less']} less, "
        f"and {counts['same']} lie among the random ones."
    )
    return html.page(
        f"Subspaces of layer {subspaces.layer} of {subspaces.generator}",
        [
            html.paragraph(summary),
            *([html.paragraph(f"Warning: {discovery.advice}")] if discovery.advice else []),
            html.section("Each subspace"),
            html.table(*_subspace_rows(subspaces, effects)),
            html.paragraph(
                f"Means over {effects.num_pairs} random pairs of codes. Change: mean absolute "
                "change in levels of 255 when the subspace is exchanged. Area: share of the "
                "picture that changes. Radius: how far the change reaches, 1 is the whole picture. "
                "Colour: share of the change that is not grey. Flat: share that is the same at "
                f"every pixel. All exchanged at once: {effects.whole_change * LEVELS:.1f} levels."
            ),
            html.section("Beside random partitions of the same sizes"),
            html.table(header, rows, left=(0, 1, 5), marks=marks),
            html.section("Pictures"),
            *_drawn(beside, pictures, grids),
            html.paragraph(
                f"Residual ||F - FS||^2 / ||F||^2: {float(discovery.residual):.4f} on the latent "
                f"codes of S, {float(discovery.held_out_residual):.4f} on held-out ones."
            ),
            *html.how_made(command, settings),
        ],
    )


def _drawn(
    beside: BesideRandom, pictures: Mapping[str, np.ndarray], grids: Sequence[np.ndarray]
) -> list[str]:
    """Charts as they are, all else picture by picture: words stay text and fit any width."""
    maps, titles = _effect_rows(beside.effects, beside.random[0])
    columns = _titles(len(beside.effects.change))
    return [
        *(
            html.figure(pictures[name], CAPTIONS[name], chart=True)
            for name in ("coefficients", "spectrum")
        ),
        matrix(titles, columns, maps, caption=CAPTIONS["effects"], chart=True),
        *(
            matrix(
                [f"pair {number + 1}" for number in range(len(grid))],
                ["source", *columns, "partner"],
                [list(row) for row in to_uint8(grid)],
                caption=CAPTIONS[name],
            )
            for name, grid in zip(("exchanges", "exchanges_random"), grids, strict=True)
        ),
    ]


def _subspace_rows(
    subspaces: Subspaces, effects: SubspaceEffects
) -> tuple[list[str], list[list[str]]]:
    header = ["subspace", "channels", "change", "area", "radius", "colour", "flat"]
    rows = [
        [
            str(r),
            str(size),
            f"{effects.change[r] * LEVELS:.2f}",
            *(
                "-" if np.isnan(values[r]) else f"{values[r]:.3f}"
                for values in (effects.area, effects.radius, effects.colour, effects.flat)
            ),
        ]
        for r, size in enumerate(subspaces.sizes)
    ]
    if effects.perceptual is not None:
        header.append("perceptual")
        rows = [[*row, f"{effects.perceptual[r]:.4f}"] for r, row in enumerate(rows)]
    return header, rows
