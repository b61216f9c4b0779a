"""The rows of a comparison: names for settings of an inversion."""

from typing import Any, Literal, NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.config import InversionConfig

NUM_SUBSPACES = 4


class Row(NamedTuple):
    """One row.

    Attributes:
      fields: of `InversionConfig`; what is absent comes from the table's own settings.
      partition: of the channels, for methods that compose within subspaces.

    """

    fields: dict[str, Any]
    partition: Literal["discovered", "random"] | None = None


#: Equal codes: ``mganprior_16`` and ``pmsfc_4x4``; equal weights a channel: ``mganprior_4`` and
#: ``pmsfc_4x4``. The published mGANprior is that of Gu, Shen, Zhou (CVPR 2020) with its own steps.
ROWS: dict[str, Row] = {
    "single": Row({"method": "single", "codes_per_subspace": 1}),
    "mganprior_4": Row({"method": "mganprior", "codes_per_subspace": 4}),
    "pmsfc_4x4": Row({"method": "pmsfc", "codes_per_subspace": 4}, "discovered"),
    "pmsfc_4x4_random": Row({"method": "pmsfc", "codes_per_subspace": 4}, "random"),
    "mganprior_16": Row({"method": "mganprior", "codes_per_subspace": 16}),
    "pmsfc_linear_4x4": Row({"method": "pmsfc_linear", "codes_per_subspace": 4}, "discovered"),
    "mganprior_published": Row({
        "method": "mganprior",
        "codes_per_subspace": 30,
        "optimiser": "sgd",
        "learning_rate": 1.0,
        "num_steps": 3000,
    }),
}  # fmt: skip


def choose_rows(names: tuple[str, ...]) -> tuple[str, ...]:
    """``names``, or without any all rows but the published one, which is slow.

    Raises:
      InputError: a name is unknown.

    """
    for name in names:
        if name not in ROWS:
            raise InputError(f"method {name} is unknown: choose among {', '.join(ROWS)}")
    return names or tuple(name for name in ROWS if name != "mganprior_published")


def config_of(name: str, **settings: Any) -> InversionConfig:
    """The inversion of row ``name``; its own fields come before ``settings``.

    Raises:
      InputError: a value is impossible.

    """
    return InversionConfig(**(settings | ROWS[name].fields))
