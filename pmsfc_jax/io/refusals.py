"""Why a photograph cannot be used, in words."""

import os
from pathlib import Path

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import shown


class PhotographError(InputError):
    """A photograph cannot be used.

    Attributes:
      path: the file.
      reason: what is wrong with it, without its name.

    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(path, reason)
        self.path = Path(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot use {shown(self.path)}: {self.reason}"


class Refused(Exception):
    """Carries a reason, without the photograph's name, out of the decoding."""
