"""One small run for all tests of this folder: its step is compiled once."""

import dataclasses

import jax
import numpy as np
import pytest

from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.loop import train
from pmsfc_jax.training.mixing import Mixing

SMALL = TrainingConfig(
    resolution=8,
    widths=(8, 8),
    discriminator_widths=(6, 7),
    latent_dim=4,
    stage_images=200,
    fade_images=8,
    total_images=32,
    batch_size=4,
    r1_interval=1,
)
#: With most samples drawn from mixed features, in subspaces that are found again every three steps.
MIXED = dataclasses.replace(
    SMALL,
    loss="relativistic",
    mixing=Mixing(layer=2, num_subspaces=2, share=0.75, refresh_images=12),
)
LABELS = np.array([0, 1, 1, 0, 0, 1, 0, 1], np.int32)


def same(a, b):
    """Equal to the bit, leaf by leaf."""
    for ours, theirs in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="session")
def photographs():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, size=(12, 8, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def finished(photographs, tmp_path_factory):
    """A whole run: ``(folder, state, reports)``."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    reports = []
    result = train(
        photographs, SMALL, run, data_digest="d", on_progress=reports.append, report_every=2
    )
    assert result.finished
    assert result.images == 32
    return run, result.state, reports
