"""The rows of a comparison: names for settings of an inversion."""

from difflib import get_close_matches
from typing import Any, Literal, NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.presets import preset, takes

NUM_SUBSPACES = 4
#: Of the channels, in the rows that compose within subspaces.
Partition = Literal["discovered", "random"]


class Row(NamedTuple):
    """One row.

    Attributes:
      fields: settings by the names of `inversion.presets.preset`; what is absent comes from the
        table's own.
      partition: of the channels, for methods that compose within subspaces.

    """

    fields: dict[str, Any]
    partition: Partition | None = None

    @property
    def num_codes(self) -> int:
        """Of one image."""
        return int(self.fields["codes_per_subspace"]) * (NUM_SUBSPACES if self.partition else 1)


def _row(method: str, codes: int, partition: Partition | None = None, **more: Any) -> Row:
    return Row({"composition": method, "codes_per_subspace": codes} | more, partition)


#: Rows of one solver at equal steps.
_EQUAL_STEPS: dict[str, Row] = {
    "single": _row("single", 1),
    "mganprior_4": _row("mganprior", 4),
    "pmsfc_4x4": _row("pmsfc", 4, "discovered"),
    "pmsfc_4x4_random": _row("pmsfc", 4, "random"),
    "mganprior_16": _row("mganprior", 16),
    "pmsfc_linear_4x4": _row("pmsfc_linear", 4, "discovered"),
    "pmsfc_full_4x4": _row("pmsfc_full", 4, "discovered"),
    "pmsfc_full_4x4_random": _row("pmsfc_full", 4, "random"),
}
#: Equal codes: ``mganprior_16`` and ``pmsfc_4x4``; equal weights a channel: ``mganprior_4`` and
#: ``pmsfc_4x4``. The published mGANprior is that of Gu, Shen, Zhou (CVPR 2020) with its own steps.
#: The authors' released script has four codes more, those of its base picture. Rows that end in a
#: solver's name use it: a step of L-BFGS costs what one of Adam does, those of the Gauss-Newton
#: solvers cost more and belong in tables at equal time.
ROWS: dict[str, Row] = {
    **_EQUAL_STEPS,
    "released_4x4": _row("released", 4, "discovered", pixel_weight=0.01, base_weight=1.0),
    **{
        f"{name}_lbfgs": row._replace(fields=row.fields | {"optimiser": "lbfgs"})
        for name, row in _EQUAL_STEPS.items()
    },
    **{
        f"pmsfc_linear_4x4_{optimiser}": _row(
            "pmsfc_linear", 4, "discovered", optimiser=optimiser, inner_steps=inner_steps
        )
        for optimiser, inner_steps in (("variable_projection", 3), ("levenberg_marquardt", 10))
    },
    "mganprior_published": _row(
        "mganprior_published", 30, optimiser="sgd", learning_rate=1.0, num_steps=3000
    ),
}
#: What a table has where no row is named: every composition by L-BFGS, and the main ones by Adam.
DEFAULT_ROWS: tuple[str, ...] = (
    *("single", "mganprior_16", "pmsfc_4x4", "pmsfc_linear_4x4", "pmsfc_full_4x4", "released_4x4"),
    *(f"{name}_lbfgs" for name in _EQUAL_STEPS),
)


def choose_rows(names: tuple[str, ...]) -> tuple[str, ...]:
    """The rows that ``names`` stand for, each once; without any, `DEFAULT_ROWS`.

    A name is a row's, or a composition's, which stands for its rows in the default table or else
    for all of them.

    Raises:
      InputError: a name is neither.

    """
    chosen: dict[str, None] = {}
    for name in names:
        rows = [name] if name in ROWS else _rows_of(name)
        if not rows:
            near = get_close_matches(name, ROWS, n=1)
            raise InputError(
                f"method {name} is unknown{f', did you mean {near[0]}?' if near else ''}: choose "
                f"among {', '.join(ROWS)}"
            )
        chosen |= dict.fromkeys(rows)
    return tuple(chosen) or DEFAULT_ROWS


def _rows_of(composition: str) -> list[str]:
    rows = [name for name, row in ROWS.items() if row.fields["composition"] == composition]
    return [name for name in rows if name in DEFAULT_ROWS] or rows


def config_of(name: str, **settings: Any) -> InversionConfig:
    """The inversion of row ``name``; its own fields come before ``settings``.

    Raises:
      InputError: a value is impossible.

    """
    fields = {"optimiser": "adam"} | ROWS[name].fields
    usable = {n: v for n, v in settings.items() if takes(fields["optimiser"], n)}
    return preset(**(usable | fields))
