"""The learned weights of LPIPS' layers as a network of its own, to be stored like any other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params

FAMILY = "lpips_heads"


@dataclass(frozen=True)
class LPIPSHeadsConfig:
    """Channels of each layer that LPIPS compares; plain values only, so that it is its own JSON."""

    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check values and turn JSON's lists into tuples.

        Raises:
          InputError: a value is impossible.

        """
        object.__setattr__(self, "widths", tuple(int(width) for width in self.widths))
        if not self.widths or min(self.widths) < 1:
            raise InputError(f"LPIPS heads have one or more positive widths, not {self.widths}")


def config_from_dict(architecture: Mapping[str, Any]) -> LPIPSHeadsConfig:
    """Read `LPIPSHeadsConfig` back from a manifest.

    Raises:
      InputError: it has another field than ``widths``, or an impossible one.

    """
    if set(architecture) != {"widths"}:
        raise InputError(f"LPIPS heads have widths and nothing else, not {sorted(architecture)}")
    return LPIPSHeadsConfig(**architecture)


def abstract_params(config: LPIPSHeadsConfig) -> Params:
    """The params as a nested dict of `jax.ShapeDtypeStruct`: ``lin{k}/weight [C]``."""
    return {
        f"lin{k}": {"weight": jax.ShapeDtypeStruct((width,), jnp.float32)}
        for k, width in enumerate(config.widths)
    }
