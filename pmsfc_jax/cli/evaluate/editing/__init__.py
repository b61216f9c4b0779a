"""``pmsfc evaluate --task edit``: which inversions of the same photographs can be edited.

OUT/rows/ROW.npz    the codes of a row
OUT/rows/ROW.json   what was measured of it, and the settings that it was measured with
OUT/table.md, table.json
"""

from collections.abc import Sequence

from pmsfc_jax.cli.evaluate.editing.prepare import prepare
from pmsfc_jax.cli.evaluate.editing.work import work
from pmsfc_jax.cli.evaluate.options import Options


def run(options: Options, argv: Sequence[str]) -> int:
    """Measure what is not measured yet, and write the table; returns the exit code.

    Raises:
      InputError: anything is wrong with the options, or something cannot be written.

    """
    return work(prepare(options))
