"""``pmsfc evaluate --task invert``: methods on the same photographs."""

from collections.abc import Sequence

from pmsfc_jax.cli.evaluate import work
from pmsfc_jax.cli.evaluate.options import Options
from pmsfc_jax.cli.evaluate.prepare import prepare


def run(options: Options, argv: Sequence[str]) -> int:
    """Run what is not finished, and write the table; returns the exit code."""
    return work.work(prepare(options, argv))
