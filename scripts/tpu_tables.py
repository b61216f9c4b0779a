"""The tables of docs/tpu.md."""

from collections.abc import Callable

import numpy as np
from measured import difference, read, table

CASES = {
    "tops32": "pggan_tops32",
    "faces64": "DCGAN faces 64x64",
    "pggan256": "PGGAN-256",
    "pggan1024": "PGGAN-1024",
    "stylegan2_256": "StyleGAN2-256",
}
KINDS = ("convolution", "reduction", "elementwise", "move")
ROUNDED = {
    "nothing": "nothing: float32, as on a CPU",
    "products": "operands of convolutions: a TPU's default",
    "features": "operands and results: features kept in bf16",
}


def tpu_steps() -> str:
    """A step of every program, by the compiler's estimate."""

    def cells(row: dict) -> list[str]:
        kinds = row["cycles_by_kind"]
        return [
            CASES[row["case"]],
            f"`{row['composition']}`",
            row["solver"],
            row["judge"],
            row["topology"].split(":")[0],
            str(row["images_per_chip"]),
            f"{row['cycles'] / 1e6:.2f}",
            *(f"{kinds.get(kind, 0) / 1e6:.2f}" for kind in KINDS),
            f"{(row['argument_bytes'] + row['temporary_bytes']) / 2**20:,.0f}",
            str(sum(row["collectives"].values())),
        ]

    header = ["generator", "composition", "solver", "V", "chip", "images", "Mcyc"]
    header += ["convolutions", "reductions", "elementwise", "moves", "MiB", "collectives"]
    return table(header, [cells(row) for row in read("tpu_compile")["programs"]])


def tpu_rounding() -> str:
    """PSNR where convolutions round to bf16, and what that costs image by image."""
    rows = read("tpu_rounding")["rows"]
    exact = {r["solver"]: np.array(r["exactly"]) for r in rows if r["rounded"] == "nothing"}

    def cell(row: dict) -> str:
        scores = np.array(row["exactly"])
        if row["rounded"] == "nothing":
            return f"{scores.mean():.2f}"
        return f"{scores.mean():.2f}: {difference(scores - exact[row['solver']])}"

    found = {(row["rounded"], row["solver"]): cell(row) for row in rows}
    return table(
        ["rounded to bf16", "L-BFGS, dB", "Adam, dB"],
        [[text, found[name, "lbfgs"], found[name, "adam"]] for name, text in ROUNDED.items()],
    )


TPU_TABLES: dict[str, Callable[[], str]] = {"tpu-steps": tpu_steps, "tpu-rounding": tpu_rounding}
