"""``pmsfc evaluate``: methods on the same photographs, as a table."""

from collections.abc import Sequence
from importlib import import_module

from pmsfc_jax.cli.evaluate.options import Options
from pmsfc_jax.cli.evaluate.tasks import kind_of
from pmsfc_jax.cli.parsing import parse


def main(argv: Sequence[str]) -> int:
    """Run what is not finished, and write the table."""
    options = parse(Options, "evaluate", argv)
    kind = kind_of(options.task)
    # These import jax, which alone takes seconds.
    return int(import_module(f"{__name__}.{kind.module}").run(options, argv))
