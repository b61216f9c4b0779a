"""``pmsfc evaluate``: methods on the same photographs, at equal steps or equal time, as a table."""

from collections.abc import Sequence

from pmsfc_jax.cli.evaluate.options import Options
from pmsfc_jax.cli.parsing import parse


def main(argv: Sequence[str]) -> int:
    """Run what is not finished, and write the table."""
    options = parse(Options, "evaluate", argv)
    # These import jax, which alone takes seconds.
    from pmsfc_jax.cli.evaluate.prepare import prepare
    from pmsfc_jax.cli.evaluate.work import work

    return work(prepare(options, argv))
