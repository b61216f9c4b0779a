"""``pmsfc merge``: the shares of a run, or runs of several machines, into one folder."""

from collections.abc import Sequence

from pmsfc_jax.cli.merge.options import Options
from pmsfc_jax.cli.parsing import parse


def main(argv: Sequence[str]) -> int:
    """Merge and report; `Options` tells the exit codes."""
    options = parse(Options, "merge", argv)
    # These import jax, which alone takes seconds.
    from pmsfc_jax.cli.merge.prepare import prepare
    from pmsfc_jax.cli.merge.work import work

    return work(prepare(options))
