"""``python -m pmsfc_jax``: the console script ``pmsfc``."""

from pmsfc_jax.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
