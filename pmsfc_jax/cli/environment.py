"""What a run was made by and on; it is recorded and does not decide the outcome."""

import jax

from pmsfc_jax.version import __version__


def environment() -> dict[str, str]:
    """Versions of this package and of jax, and the kind of the first device."""
    return {
        "pmsfc_jax": __version__,
        "jax": jax.__version__,
        "device": jax.devices()[0].device_kind,
    }
