"""The number of subspaces read off a spectrum.

An affinity of R blocks without any connection has a normalised affinity with R eigenvalues of 1; if
the blocks are weakly connected the eigenvalues still fall after the R-th. (von Luxburg: A tutorial
on spectral clustering, Statistics and Computing 17 (2007), section 8.3.)
"""

import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError

# More subspaces than this are hardly meant where nobody says how many.
MOST_CLUSTERS = 16


def choose_num_clusters(
    eigenvalues: ArrayLike, *, most: int = MOST_CLUSTERS
) -> tuple[int, np.ndarray]:
    """R with the largest fall ``lambda_R - lambda_{R+1}`` among 2..``most``; the smallest at a tie.

    One cluster is no candidate: the gap after the first eigenvalue is the largest of all wherever
    the channels are well connected, and a partition into one is no partition. Compare ``gaps[0]``
    with ``gaps[R - 1]``: where the second is small beside the first there is little cluster
    structure, whichever R comes out.

    Args:
      eigenvalues: of the normalised affinity, largest first, at least three, for instance
        `SpectralResult.eigenvalues`.
      most: the largest R to consider, at least 2; at most one less than the eigenvalues are
        considered in any case.

    Returns:
      R, and the gaps ``[len(eigenvalues) - 1]`` float64; ``gaps[r - 1]`` is the fall after the
      r-th eigenvalue.

    Raises:
      InputError: fewer than three eigenvalues, some that are not finite or out of order, or
        ``most`` below 2.
    """
    values = np.asarray(eigenvalues, np.float64)
    if values.ndim != 1 or values.size < 3:
        raise InputError(
            f"the eigenvalues have shape {values.shape}: a number of clusters is chosen from three "
            "or more; give num_clusters instead"
        )
    gaps = -np.diff(values)
    if not np.all(np.isfinite(values)) or np.any(gaps < 0):
        raise InputError("the eigenvalues are not finite or not in order: give the largest first")
    if positive_int(most, "most") < 2:
        raise InputError("most is 1: give a number of at least 2, since one cluster is no choice")
    return 2 + int(np.argmax(gaps[1:most])), gaps
