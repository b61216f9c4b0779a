"""Descriptions that more than one command prints."""

from typing import TYPE_CHECKING

import numpy as np

from pmsfc_jax.cli.console import table
from pmsfc_jax.core.wording import counted

if TYPE_CHECKING:
    from pmsfc_jax.effects.comparison import BesideRandom
    from pmsfc_jax.subspace.subspaces import Subspaces


def describe_subspaces(subspaces: "Subspaces") -> str:
    """Sizes, residuals and the head of the spectrum, a line each."""
    sizes = (
        f"layer {subspaces.layer}: {counted(subspaces.num_subspaces, 'subspace')} of "
        f"{', '.join(map(str, subspaces.sizes))} channels"
    )
    found = subspaces.discovery
    if found is None:
        return sizes
    eigenvalues = np.asarray(found.eigenvalues)[: subspaces.num_subspaces + 2]
    isolated = int(np.asarray(found.isolated).sum())
    method = found.settings.method
    lines = [
        sizes,
        f"{method.name} with mu {method.mu:.4g}",
        f"residual ||F - FS||^2 / ||F||^2: {float(found.residual):.4f} on the latents of S, "
        f"{float(found.held_out_residual):.4f} on held-out ones",
        f"eigenvalues of the affinity: {', '.join(f'{v:.3f}' for v in eigenvalues)} ...",
    ]
    if found.advice:
        lines.append(f"warning: {found.advice}")
    if isolated:
        relate = counted(isolated, "channel relates", "channels relate")
        lines.append(f"{relate} to no other and joined the largest subspace")
    return "\n".join(lines)


def describe_effects(beside: "BesideRandom") -> str:
    """The measures of discovered subspaces beside random ones, as a table."""
    from pmsfc_jax.report.subspaces import measure_rows

    header, rows, _ = measure_rows(beside)
    names = [row[1].split(":")[0] for row in rows]
    short = [[name, *row[2:]] for name, row in zip(names, rows, strict=True)]
    return (
        f"effects on {beside.effects.num_pairs} pairs, beside "
        f"{counted(len(beside.random), 'random partition')} of the same sizes:\n"
        + table(["measure", *header[2:]], short)
    )
