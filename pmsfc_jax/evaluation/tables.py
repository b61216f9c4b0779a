"""Records of rows as Markdown, CSV and JSON."""

import csv
import io
from typing import Any

import numpy as np

from pmsfc_jax.core.wording import counted
from pmsfc_jax.evaluation.statistics import bootstrap_interval

#: Per-image measures: name, heading, decimals.
_MEASURES = (("psnr", "PSNR dB", 2), ("ssim", "SSIM", 3), ("distance", "distance", 3))


def summarise(records: dict[str, dict[str, Any]], *, seed: int) -> list[dict[str, Any]]:
    """One flat row a method: means, 95 % intervals, and the difference of PSNR to the best.

    Images are the same for all methods, so the interval of a difference is that of the images'
    own differences; it is empty for the best itself. Measures that no method has are left out.
    """
    best = max(records, key=lambda name: float(np.mean(records[name]["psnr"])))
    rows = []
    for name, record in records.items():
        row: dict[str, Any] = {"method": name, "images": len(record["psnr"])}
        row |= {key: record[key] for key in ("codes", "weights_per_channel", "steps")}
        for measure, _, _ in _MEASURES:
            if record[measure] is not None:
                values = np.asarray(record[measure])
                row[measure] = float(values.mean())
                row[f"{measure}_low"], row[f"{measure}_high"] = bootstrap_interval(
                    values, seed=seed
                )
        if name == best:
            row |= dict.fromkeys(("to_best", "to_best_low", "to_best_high"))
        else:
            difference = np.asarray(record["psnr"]) - np.asarray(records[best]["psnr"])
            row["to_best"] = float(difference.mean())
            row["to_best_low"], row["to_best_high"] = bootstrap_interval(difference, seed=seed)
        row |= {
            key: record[key]
            for key in ("seconds_per_image", "other_seconds", "peak_mib", "failed", "guarded")
        }
        rows.append(row)
    return rows


def as_csv(rows: list[dict[str, Any]]) -> str:
    """`summarise`'s rows with a header."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def as_markdown(rows: list[dict[str, Any]], *, peak_kind: str) -> str:
    """`summarise`'s rows as a table, with what its columns mean below it."""
    measures = [m for m in _MEASURES if m[0] in rows[0]]
    header = ["method", "codes", "weights a channel", "steps"]
    header += [f"{heading} (95 % of the mean)" for _, heading, _ in measures]
    header += ["PSNR to the best (95 %)", "s an image", "other s", "peak MiB"]
    lines = [header, ["---"] * len(header)]
    for row in rows:
        cells = [row["method"], *(str(row[k]) for k in ("codes", "weights_per_channel", "steps"))]
        cells += [interval(row, measure, digits) for measure, _, digits in measures]
        cells += [
            "" if row["to_best"] is None else interval(row, "to_best", 2),
            f"{row['seconds_per_image']:.2f}",
            f"{row['other_seconds']:.1f}",
            "" if row["peak_mib"] is None else f"{row['peak_mib']:.0f}",
        ]
        lines.append(cells)
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    images = counted(rows[0]["images"], "image")
    return (
        f"{table}\n\n{images}. Seconds an image without compilation; other "
        f"seconds: compilation and drawing, of all images. Peak: {peak_kind}.\n"
    )


def interval(row: dict[str, Any], measure: str, digits: int) -> str:
    """Mean and 95 % interval of a measure, of a row of `summarise`."""
    mean, low, high = (row[f"{measure}{end}"] for end in ("", "_low", "_high"))
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
