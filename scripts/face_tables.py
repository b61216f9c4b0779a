"""The tables of ``docs/faces.md``, from what the benchmarks of the face generator wrote."""

from collections.abc import Callable
from typing import Any

import numpy as np
from measured import QUALITY, compared, difference, read, table

from pmsfc_jax.evaluation.tables import interval

COMPOSITIONS = {
    "mganprior_32": "mGANprior",
    "mganprior_8": "mGANprior",
    "pmsfc_4x8": "PmSFC 4x8, equation 7",
    "pmsfc_4x8_random": "PmSFC 4x8, equation 7, random partition",
    "pmsfc_full_4x8": "PmSFC 4x8 as start of full weights",
    "pmsfc_full_4x8_random": "PmSFC 4x8 as start of full weights, random partition",
}
SOLVERS = {"adam_vgg": "Adam and V", "lbfgs": "L-BFGS"}
PLACES = {"samples": "fresh samples", "garments": "garments", "astronaut": "the astronaut"}
MEASURES = ("PSNR dB", "distance")
FACES = read("faces")
SWEPT = {"adam": "Adam, 300 steps", "lbfgs": "L-BFGS, 100 steps"}


def face_parts() -> str:
    """Where the change lies, layer 2 by number of subspaces and method, beside random ones."""
    rows = [row for row in read("face_parts")["rows"] if row["layer"] == 2]
    names = list(rows[0]["best"])

    def cell(row: dict[str, Any], part: str) -> str:
        own, random = row["best"][part], row["best_random"][part]
        text = f"{own:.2f}"
        return f"{f'**{text}**' if own > random else text} ({random:.2f})"

    return table(
        ["R", "method", *names],
        [
            [str(row["num_subspaces"]), row["method"], *(cell(row, name) for name in names)]
            for row in rows
        ],
    )


def face_subspaces() -> str:
    """Concentration of each of the four subspaces that ridge finds at layer 2."""
    row = next(
        row
        for row in read("face_parts")["rows"]
        if (row["layer"], row["num_subspaces"], row["method"]) == (2, 4, "ridge")
    )
    return table(
        ["subspace", "channels", *row["best"]],
        [
            [str(number), str(size), *(f"{value:.2f}" for value in values)]
            for number, (size, values) in enumerate(
                zip(row["sizes"], row["concentration"], strict=True)
            )
        ],
    )


def face_part_counts() -> str:
    """How often a layer's best subspace beats those of all random partitions."""
    rows = [row for row in read("face_parts")["rows"] if row["method"] == "ridge"]
    names = list(rows[0]["best"])

    def cell(layer: int, part: str) -> str:
        own = [row for row in rows if row["layer"] == layer]
        wins = sum(row["best"][part] > row["best_random"][part] for row in own)
        return f"{wins} of {len(own)}"

    return table(
        ["layer", *names],
        [
            [str(layer), *(cell(layer, name) for name in names)]
            for layer in sorted({row["layer"] for row in rows})
        ],
    )


def face_effects() -> str:
    """The diagnostics of `pmsfc discover`, ridge and lasso, beside eight random partitions."""
    found = read("faces_effects")
    measures = list(found["ridge"]["measures"])

    def cell(method: str, measure: str) -> str:
        own = found[method]["measures"][measure]
        low, high = min(own["random"]), max(own["random"])
        value = f"{own['value']:.3f}"
        beyond = not low <= own["value"] <= high
        return f"{f'**{value}**' if beyond else value} ({low:.3f} to {high:.3f})"

    return table(
        ["measure", "ridge (random)", "lasso (random)"],
        [[m, cell("ridge", m), cell("lasso", m)] for m in measures],
    )


def face_stability() -> str:
    """Agreement of partitions from other latent codes, every layer, ridge and lasso."""
    results = read("stability_faces64")
    found = {(r["layer"], r["num_subspaces"], r["setting"]): r for r in results["rows"]}
    layers = sorted({r["layer"] for r in results["rows"]})

    def cell(layer: int, number: int, setting: str) -> str:
        row = found[layer, number, setting]
        return f"{row['ari_mean']:.2f} ({row['ari_least']:.2f})"

    return table(
        ["R", *(f"layer {layer}, {name}" for layer in layers for name in ("ridge", "lasso"))],
        [
            [
                str(number),
                *(
                    cell(layer, number, f"{name}, plain")
                    for layer in layers
                    for name in ("ridge", "lasso")
                ),
            ]
            for number in results["numbers"]
        ],
    )


def face_weight() -> str:
    """Weight and norm of VGG16, by solver."""
    rows = FACES["weight"]["rows"]
    cells = []
    for solver, text in SWEPT.items():
        own = [row for row in rows if row["method"].startswith(f"{solver}_")]
        for row, quality in zip(own, compared(own), strict=True):
            _, weight, norm = row["method"].split("_")
            cells.append([text, weight, norm if float(weight) else "-", *quality])
    return table(["solver", "weight of VGG16", "norm", *QUALITY], cells)


def _methods(solver: str) -> str:
    """The compositions under one solver; the best of each column in bold."""
    found = {where: f"{where}_{solver}" for where in PLACES if f"{where}_{solver}" in FACES}
    columns = {where: compared(FACES[key]["rows"]) for where, key in found.items()}
    first = FACES[next(iter(found.values()))]["rows"]
    return table(
        ["method", "weights a channel", *(f"{PLACES[w]}: {m}" for w in columns for m in MEASURES)],
        [
            [
                COMPOSITIONS[row["method"]],
                str(row["weights_per_channel"]),
                *(cell for where in columns for cell in _psnr_and_distance(columns[where][number])),
            ]
            for number, row in enumerate(first)
        ],
    )


def face_front() -> str:
    """The first numbers of the README: compositions that say most, PSNR alone."""
    chosen = ("mganprior_32", "mganprior_8", "pmsfc_4x8", "pmsfc_4x8_random", "pmsfc_full_4x8")
    rows = {w: {row["method"]: row for row in FACES[f"{w}_lbfgs"]["rows"]} for w in PLACES}

    def cell(where: str, name: str) -> str:
        row = rows[where][name]
        return interval(row, "psnr", 2) if row["images"] > 1 else f"{row['psnr']:.2f}"

    return table(
        ["method", "codes", "weights a channel", *(f"{text}, dB" for text in PLACES.values())],
        [
            [
                COMPOSITIONS[name],
                str(rows["samples"][name]["codes"]),
                str(rows["samples"][name]["weights_per_channel"]),
                *(cell(where, name) for where in PLACES),
            ]
            for name in chosen
        ],
    )


def _psnr_and_distance(cells: tuple[str, ...]) -> tuple[str, str]:
    """The two of them; no interval where there is a single picture."""
    psnr, _, distance = cells
    mean, *ends = psnr.replace("*", "").replace("(", "").replace(")", "").split()
    return psnr.split(" ")[0] if set(ends) == {mean, "to"} else psnr, distance


def face_differences() -> str:
    """Paired differences of PSNR: what the article claims, and the control by random partitions."""
    pairs = {
        "equation 7 minus mGANprior, equal codes": ("pmsfc_4x8", "mganprior_32"),
        "equation 7 minus mGANprior, equal weights a channel": ("pmsfc_4x8", "mganprior_8"),
        "equation 7, discovered minus random partition": ("pmsfc_4x8", "pmsfc_4x8_random"),
        "full weights minus mGANprior, equal codes": ("pmsfc_full_4x8", "mganprior_32"),
        "full weights, discovered minus random partition": (
            "pmsfc_full_4x8",
            "pmsfc_full_4x8_random",
        ),
    }

    def cell(where: str, solver: str, pair: tuple[str, str]) -> str:
        of = FACES.get(f"{where}_{solver}", {}).get("images")
        if of is None:
            return ""
        first, second = (np.asarray(of[name]["psnr"]) for name in pair)
        return difference(first - second)

    return table(
        ["difference of PSNR, dB", "solver", *PLACES.values()],
        [
            [text, SOLVERS[solver], *(cell(where, solver, pair) for where in PLACES)]
            for text, pair in pairs.items()
            for solver in SOLVERS
            if f"samples_{solver}" in FACES
        ],
    )


FACE_TABLES: dict[str, Callable[[], str]] = {
    "face-parts": face_parts,
    "face-subspaces": face_subspaces,
    "face-part-counts": face_part_counts,
    "face-effects": face_effects,
    "face-stability": face_stability,
    "face-weight": face_weight,
    "face-front": face_front,
    "face-lbfgs": lambda: _methods("lbfgs"),
    "face-differences": face_differences,
}
