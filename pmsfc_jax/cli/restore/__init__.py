"""``pmsfc restore``: photographs as they are in; what they might have been out, and how sure."""

import shlex
from collections.abc import Sequence

from pmsfc_jax.cli.parsing import parse
from pmsfc_jax.cli.restore.options import Options


def main(argv: Sequence[str]) -> int:
    """Restore and report; `Options` tells the exit codes."""
    options = parse(Options, "restore", argv)
    # These import jax, which alone takes seconds.
    from pmsfc_jax.cli.restore.prepare import prepare
    from pmsfc_jax.cli.restore.work import work

    return work(prepare(options, shlex.join(["pmsfc", "restore", *argv])))
