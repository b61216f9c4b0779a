"""What an inversion needs to know about the distribution of latent codes."""

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import GeneratorSpec


def check_latent_weight(spec: GeneratorSpec, weight: float) -> None:
    """Refuse a pull towards the shell ``|z| = sqrt(d)`` where the prior is not normal.

    Raises:
      InputError: the prior has no such shell (uniform), or never leaves it (sphere).

    """
    if weight and spec.prior.kind != "normal":
        raise InputError(
            f"latent_weight is {weight}, which pulls |z|/sqrt(d) to 1, and the codes of "
            f"{spec.name} are not normally distributed: set latent_weight to 0"
        )
