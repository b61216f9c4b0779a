"""Batches split over four devices, in a process of its own that has them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.xla import virtual_devices

PROGRAM = """
import sys
from pathlib import Path
import jax, jax.numpy as jnp, numpy as np, pytest
import tests.conftest
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.masks import masks_from_labels
from pmsfc_jax.parallel.mesh import data_mesh, replicate, shard_batch
from pmsfc_jax.training.loop import train
from pmsfc_jax.training.state import start_stage
from pmsfc_jax.training.step import make_step
from tests.training.conftest import LABELS, MIXED, SMALL

run, devices = Path(sys.argv[1]), jax.local_devices()
assert len(devices) == 4
photographs = np.random.default_rng(0).integers(0, 256, size=(12, 8, 8, 3), dtype=np.uint8)
if sys.argv[2] == "odd":
    import dataclasses
    odd = dataclasses.replace(SMALL, batch_size=6)
    with pytest.raises(InputError, match="batch_size 6 cannot be split over 4 devices"):
        train(photographs, odd, run, data_digest="d")
    assert not run.exists()
    raise SystemExit

def steps(folder, devices, number):
    reports, asked = [], iter([False] * number + [True])
    result = train(
        photographs, SMALL, run / folder, data_digest="d", devices=devices, report_every=1,
        on_progress=lambda p: reports.append(list(p.metrics.values())),
        should_stop=lambda: next(asked),
    )
    return result, np.array(reports)

def operations(devices):
    # Floating-point operations of one device in a step with mixed samples.
    mesh = data_mesh(devices)
    masks = replicate(masks_from_labels(LABELS, 2), mesh)
    state = replicate(start_stage(SMALL, 8, False, jax.random.key(0)), mesh)
    batch = shard_batch(photographs[:8], mesh)
    step = make_step(MIXED, 8, False, mesh)
    lowered = step.lower(state, batch, jax.random.key(0), jnp.float32(0), masks, penalised=True)
    return lowered.compile().cost_analysis()["flops"]

assert operations(devices) < 0.35 * operations(devices[:1])
one, single = steps("one", devices[:1], 4)
four, split = steps("four", None, 2)
assert all(len(leaf.devices()) == 4 for leaf in jax.tree.leaves(four.state))
# The first step meets equal weights; the sums of four shares are rounded differently, and Adam
# turns the least gradients into whole steps.
np.testing.assert_allclose(split[0], single[0], rtol=1e-5, atol=1e-6)
np.testing.assert_allclose(split[1], single[1], rtol=1e-2, atol=1e-3)
# A run goes on with fewer devices than it had.
on, rest = steps("four", devices[:1], 2)
assert on.images == one.images == 16
np.testing.assert_allclose(rest, single[2:], rtol=3e-2, atol=3e-3)
"""


def run(folder, what):
    root = Path(__file__).parents[2]
    environment = virtual_devices(4) | {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": ":".join([str(root), *sys.path]),
    }
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder / "run"), what], env=environment, check=True
    )


def test_a_batch_that_cannot_be_split_is_told(tmp_path):
    run(tmp_path, "odd")


@pytest.mark.slow
def test_four_devices_agree_with_one(tmp_path):
    run(tmp_path, "agree")
