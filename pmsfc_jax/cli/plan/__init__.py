"""``pmsfc plan``: how long a folder would take on accelerators that are not at hand."""

from collections.abc import Sequence

from pmsfc_jax.cli.parsing import parse
from pmsfc_jax.cli.plan.options import Options


def main(argv: Sequence[str]) -> int:
    """Estimate and tell; `Options` tells the exit codes."""
    options = parse(Options, "plan", argv)
    # These import jax, which alone takes seconds.
    from pmsfc_jax.cli.plan.prepare import prepare
    from pmsfc_jax.cli.plan.work import work

    return work(prepare(options))
