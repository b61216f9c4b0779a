"""Train a progressive GAN prior on a folder of images.

    python scripts/train_prior.py --data FOLDER --run runs/prior

Run the same command again to resume. See --help for all settings.
"""

from pmsfc_jax.cli.train import main

if __name__ == "__main__":
    raise SystemExit(main())
