"""Train a progressive GAN prior on a folder of images: `pmsfc train` as a script.

    python scripts/train_prior.py --data FOLDER --run runs/prior --export ported_weights/mine

Run the same command again to resume. See --help for all settings, and docs/training.md for which
of them matter.
"""

import sys

from pmsfc_jax.cli.main import run

if __name__ == "__main__":
    raise SystemExit(run("train", sys.argv[1:]))
