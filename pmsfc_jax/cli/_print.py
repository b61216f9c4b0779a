"""Descriptions that more than one command prints."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pmsfc_jax.subspace.discover import Subspaces


def describe_subspaces(subspaces: "Subspaces") -> str:
    """Sizes, residuals and the head of the spectrum, a line each."""
    eigenvalues = np.asarray(subspaces.eigenvalues)[: subspaces.num_subspaces + 2]
    isolated = int(np.asarray(subspaces.isolated).sum())
    settings = subspaces.settings
    lines = [
        f"layer {subspaces.layer}: {subspaces.num_subspaces} subspaces of "
        f"{', '.join(map(str, subspaces.sizes))} channels",
        f"{settings.method} with mu {settings.mu:.4g}",
        f"residual ||F - FS||^2 / ||F||^2: {float(subspaces.residual):.4f} on the latents of S, "
        f"{float(subspaces.held_out_residual):.4f} on held-out ones",
        f"eigenvalues of the affinity: {', '.join(f'{v:.3f}' for v in eigenvalues)} ...",
    ]
    if subspaces.advice:
        lines.append(f"warning: {subspaces.advice}")
    if isolated:
        lines.append(f"{isolated} channels relate to no other and joined the largest subspace")
    return "\n".join(lines)
