"""``pmsfc train``: a generator of one's own from a folder of images."""

from collections.abc import Sequence

from pmsfc_jax.cli.parsing import parse
from pmsfc_jax.cli.train.options import Options


def main(argv: Sequence[str]) -> int:
    """Train to the end, then export where asked; 130 where a signal asked to stop before."""
    options = parse(Options, "train", argv)
    # These import jax, which alone takes seconds.
    from pmsfc_jax.cli.train.prepare import prepare
    from pmsfc_jax.cli.train.work import work

    return work(prepare(options))
