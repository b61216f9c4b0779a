"""Convert a published generator checkpoint: `pmsfc convert` as a script.

    python scripts/convert_weights.py SOURCE --name NAME [--weights-dir FOLDER]

Nothing in the checkpoint is executed, and PyTorch is not needed. See --help for all options.
"""

import sys

from pmsfc_jax.cli.main import run

if __name__ == "__main__":
    raise SystemExit(run("convert", sys.argv[1:]))
