"""Strict numerics for every test, and the places of references that are not in the repository."""

import os
from pathlib import Path

import jax
import pytest

from tests.xla import set_flags

set_flags()
# Implicit promotion of dtypes or ranks is a bug of ours, not a convenience.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with reference checkpoints and photographs; skips where it is absent."""
    path = Path(os.environ.get("PMSFC_SHARED", ROOT.parent / "shared"))
    if not (path / "checkpoints").is_dir():
        pytest.skip(f"no reference data at {path} (set PMSFC_SHARED)")
    return path


@pytest.fixture(scope="session")
def tiny():
    """A real PGGAN of 16x16 pictures with random weights: ``(generator, params)``."""
    from pmsfc_jax.nn import pggan

    config = pggan.PGGANConfig(latent_dim=6, widths=(12, 12, 12, 12, 8, 8))
    params = pggan.pure_module(config).init(jax.random.key(7))
    return pggan.split_generator(config, "tiny"), params
