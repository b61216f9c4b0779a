"""What an inversion needs to know about the distribution of latent codes."""

import jax
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import GeneratorSpec

#: Codes that are drawn to tell a normal prior from others.
_DRAWS = 4096


def is_normal(spec: GeneratorSpec) -> bool:
    """Whether ``spec.latent_prior`` is a standard normal, judged by 4096 draws.

    Its elements have mean square 1 and fourth moment 3 (uniform ones 1.8 times the squared mean
    square), and ``|z|^2`` has variance ``2 d`` (points on a sphere 0).
    """
    with jax.ensure_compile_time_eval():
        z = np.asarray(spec.latent_prior(jax.random.key(0), _DRAWS), np.float64)
    square, fourth = np.mean(z**2), np.mean(z**4)
    spread = np.var((z**2).sum(axis=1)) / (2 * z.shape[1])
    return bool(abs(square - 1) < 0.1 and abs(fourth - 3) < 0.5 and abs(spread - 1) < 0.2)


def check_latent_weight(spec: GeneratorSpec, weight: float) -> None:
    """Refuse a pull towards the shell ``|z| = sqrt(d)`` where the prior is not normal.

    Raises:
      InputError: the prior has no such shell (uniform), or never leaves it (sphere).

    """
    if weight and not is_normal(spec):
        raise InputError(
            f"latent_weight is {weight}, which pulls |z|/sqrt(d) to 1, and the codes of "
            f"{spec.name} are not normally distributed: set latent_weight to 0"
        )
