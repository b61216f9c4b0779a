"""Write the measured tables of README and docs from ``benchmarks/results``.

    python scripts/update_tables.py            # write them
    python scripts/update_tables.py --check    # say which are not what was measured

A table stands between ``<!-- table: NAME -->`` and ``<!-- /table -->``; NAME is one of `TABLES`. So
a number in a table is one that a benchmark wrote, and a new prior changes them all by one command.
The sentences around the tables are written by hand: read them when numbers change.
"""

import argparse
import re
import sys
from collections.abc import Callable
from typing import Any

from edit_tables import EDIT_TABLES
from face_tables import FACE_TABLES
from measured import QUALITY, ROOT, compared, quality, read, table
from tpu_tables import TPU_TABLES

PAGES = (
    "README.md",
    *(
        f"docs/{name}.md"
        for name in ("prior", "subspaces", "diagnostics", "faces", "editing", "tpu")
    ),
)
_BLOCK = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- /table -->)", re.DOTALL)

# Method of `pmsfc evaluate`: what the README calls it, and its solver.
METHODS = {
    "single": ("one code", "Adam"),
    "pmsfc_4x4": ("PmSFC 4x4, equation 7", "Adam"),
    "pmsfc_full_4x4": ("PmSFC 4x4 as start of full weights", "Adam"),
    "mganprior_16": ("mGANprior", "Adam"),
    "single_lbfgs": ("one code", "L-BFGS"),
    "pmsfc_4x4_lbfgs": ("PmSFC 4x4, equation 7", "L-BFGS"),
    "pmsfc_4x4_random_lbfgs": ("PmSFC 4x4, equation 7, random partition", "L-BFGS"),
    "mganprior_4_lbfgs": ("mGANprior", "L-BFGS"),
    "pmsfc_linear_4x4_lbfgs": ("PmSFC 4x4, linear weights", "L-BFGS"),
    "pmsfc_full_4x4_lbfgs": ("PmSFC 4x4 as start of full weights (default)", "L-BFGS"),
    "mganprior_16_lbfgs": ("mGANprior", "L-BFGS"),
    "pmsfc_full_4x4_random_lbfgs": (
        "PmSFC 4x4 as start of full weights, random partition",
        "L-BFGS",
    ),
}
PUBLISHED = {
    "mganprior_published": "mGANprior as published",
    "pmsfc_full_4x4_lbfgs": "`pmsfc invert`, default preset",
}


def methods() -> str:
    """Methods at equal steps, Adam first, then by PSNR."""
    rows = {row["method"]: row for row in read("test16")["summary"]}
    order = sorted(rows, key=lambda m: (METHODS[m][1] != "Adam", rows[m]["psnr"]))
    found = [rows[method] for method in order]
    return table(
        ["method", "solver", "codes", "weights a channel", *QUALITY, "s an image"],
        [
            [
                *METHODS[row["method"]],
                str(row["codes"]),
                str(row["weights_per_channel"]),
                *cells,
                f"{row['seconds_per_image']:.1f}",
            ]
            for row, cells in zip(found, compared(found), strict=True)
        ],
    )


def published() -> str:
    """Our default preset beside mGANprior with its authors' settings."""
    rows = read("published8")["summary"]
    return table(
        ["", "codes", "steps", *QUALITY, "s an image"],
        [
            [
                PUBLISHED[row["method"]],
                str(row["codes"]),
                f"{row['steps']:,}",
                *cells,
                f"{row['seconds_per_image']:.{1 if row['seconds_per_image'] < 10 else 0}f}",
            ]
            for row, cells in zip(rows, compared(rows), strict=True)
        ],
    )


def presets() -> str:
    """The three presets; the default is a row of the table of methods."""
    method = "pmsfc_full_4x4_lbfgs"
    rows = {
        "fast": read("steps60")["summary"][0],
        "default": next(r for r in read("test16")["summary"] if r["method"] == method),
        "best": read("steps300")["summary"][0],
    }
    return table(
        ["preset", "steps", *QUALITY, "s an image"],
        [
            [
                f"`{name}`",
                str(row["steps"]),
                *quality(row),
                f"{row['seconds_per_image']:.1f}",
            ]
            for name, row in rows.items()
        ],
    )


def prior_quality() -> str:
    """What the prior draws, judged by a network it never met."""
    names = {
        "precision_train": "precision, train",
        "recall_train": "recall, train",
        "precision_test": "precision, test",
        "recall_test": "recall, test",
        "frechet_test": "Fréchet to test",
    }

    def cell(row: dict[str, Any], measure: str) -> str:
        if row[measure] is None:
            return ""
        form = ",.0f" if measure == "frechet_test" else ".2f"
        return f"{row[measure]:{form}} ({row[f'{measure}_deviation']:{form}})"

    rows = read("prior_quality")["rows"]
    return table(
        ["generated side", *names.values()],
        [[row["generated"], *(cell(row, measure) for measure in names)] for row in rows],
    )


def perceptual_weight() -> str:
    """Maps and weights of V."""

    def maps(row: dict[str, Any]) -> str:
        if not row["perceptual_weight"]:
            return "-"
        return "all" if row["block"] is None else str(row["block"])

    return table(
        ["maps of V", "perceptual_weight", "PSNR dB", "SSIM", "independent distance"],
        [
            [
                maps(row),
                f"{row['perceptual_weight']:g}",
                f"{row['psnr']:.2f}",
                f"{row['ssim']:.3f}",
                f"{row['distance']:.4f}",
            ]
            for row in read("perceptual_weight")["rows"]
        ],
    )


def stability() -> str:
    """Agreement of partitions from other latent codes, at the layer that is cut by default."""
    columns = {
        "ridge, plain": "ridge",
        "lasso, plain": "lasso",
        "cosine": "cosine of features",
        "ridge, released": "ridge, released refinement",
        "lasso, released": "lasso, released refinement",
    }
    results = read("stability")
    found = {(r["num_subspaces"], r["setting"]): r for r in results["rows"] if r["layer"] == 4}

    def cell(number: int, setting: str) -> str:
        row = found[number, setting]
        return f"{row['ari_mean']:.2f} ({row['ari_least']:.2f})"

    return table(
        ["R", *columns.values()],
        [[str(n), *(cell(n, setting) for setting in columns)] for n in results["numbers"]],
    )


AFFINITIES = {
    "ridge": "ridge (default)",
    "paper": "paper (with image term)",
    "correlation": "correlation of features",
    "effect": "changes of pictures",
}


def effect_counts() -> str:
    """In how many layers discovered subspaces act more, the same or less than random ones."""
    rows = read("subspace_effects")["rows"]
    measures = list(rows[0]["measures"])

    def cell(affinity: str, measure: str) -> str:
        own = [r["measures"][measure]["verdict"] for r in rows if r["affinity"] == affinity]
        return " / ".join(str(own.count(verdict)) for verdict in ("more", "same", "less"))

    return table(
        ["affinity", *measures],
        [[text, *(cell(name, m) for m in measures)] for name, text in AFFINITIES.items()],
    )


def alignment() -> str:
    """Alignment by layer, discovered and random."""
    rows = read("subspace_effects")["rows"]
    found = {(row["layer"], row["affinity"]): row["measures"]["alignment"] for row in rows}

    def cell(layer: int, affinity: str) -> str:
        own = found[layer, affinity]
        random = sum(own["random"]) / len(own["random"])
        sign = {"more": " +", "same": "", "less": " -"}[own["verdict"]]
        return f"{own['value']:.3f} / {random:.3f}{sign}"

    return table(
        ["layer", "ridge", "paper", "correlation", "changes of pictures"],
        [
            [str(layer), *(cell(layer, affinity) for affinity in AFFINITIES)]
            for layer in sorted({row["layer"] for row in rows})
        ],
    )


TABLES: dict[str, Callable[[], str]] = {
    "methods": methods,
    "published": published,
    "presets": presets,
    "prior-quality": prior_quality,
    "perceptual-weight": perceptual_weight,
    "stability": stability,
    "effect-counts": effect_counts,
    "alignment": alignment,
    **FACE_TABLES,
    **EDIT_TABLES,
    **TPU_TABLES,
}


def updated(text: str) -> str:
    """``text`` with every marked table as it was measured."""
    return _BLOCK.sub(lambda found: found[1] + TABLES[found[2]]() + found[3], text)


def main() -> int:
    """Write the tables, or check them; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a table is stale")
    options = parser.parse_args()
    stale = 0
    for name in PAGES:
        page = ROOT / name
        before = page.read_text(encoding="utf-8")
        after = updated(before)
        if after != before:
            stale = 1
            print(f"{name}: {'is not what was measured' if options.check else 'written'}")
            if not options.check:
                page.write_text(after, encoding="utf-8")
    return stale if options.check else 0


if __name__ == "__main__":
    sys.exit(main())
