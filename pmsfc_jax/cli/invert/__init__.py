"""``pmsfc invert``: photographs in; codes, redrawn images, metrics and a sheet out."""

from collections.abc import Sequence

from pmsfc_jax.cli.invert.options import Options
from pmsfc_jax.cli.parsing import parse


def main(argv: Sequence[str]) -> int:
    """Invert and report; `Options` tells the exit codes."""
    options = parse(Options, "invert", argv)
    # These import jax, which alone takes seconds.
    from pmsfc_jax.cli.invert.prepare import prepare
    from pmsfc_jax.cli.invert.work import work

    return work(prepare(options, argv))
