"""``pmsfc discover``: the subspaces of one layer of a generator."""

from collections.abc import Sequence

from pmsfc_jax.cli.discover.options import Options
from pmsfc_jax.cli.parsing import parse


def main(argv: Sequence[str]) -> int:
    """Discover, print sizes, residuals and effects, and save."""
    options = parse(Options, "discover", argv)
    # Work imports jax, which alone takes seconds.
    from pmsfc_jax.cli.discover.prepare import prepare
    from pmsfc_jax.cli.discover.work import work

    return work(prepare(options, argv))
