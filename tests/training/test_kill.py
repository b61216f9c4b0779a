"""``kill -9`` in the middle of a run, wherever it comes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pmsfc_jax.training.loop import train
from tests.training.conftest import SMALL, same

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
import tests.conftest
from pmsfc_jax.training.loop import train
from tests.training.conftest import SMALL
photographs = np.random.default_rng(0).integers(0, 256, size=(12, 8, 8, 3), dtype=np.uint8)
train(photographs, SMALL, Path(sys.argv[1]), data_digest="d", save_every_seconds=0.0,
      on_progress=lambda p: print(p.images, flush=True), report_every=1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2])
def test_a_killed_run_continues_to_the_same_bits(finished, photographs, tmp_path, delay):
    """Saved after every step: it is stopped while it computes, writes, or tidies up."""
    run = tmp_path / "run"
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": ":".join([root, *sys.path])}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(run)], env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 12:
            pass
        time.sleep(delay)
        process.kill()
    seen = []
    result = train(
        photographs,
        SMALL,
        run,
        data_digest="d",
        on_progress=lambda p: seen.append(p.images),
        report_every=1,
    )
    assert result.finished
    assert seen == [] or seen[0] >= 12  # at most the step in progress was lost
    same(result.state, finished[1])
    images = np.loadtxt(run / "log.csv", delimiter=",", skiprows=1)[:, 0]
    assert images.tolist() == [4 * n for n in range(1, 9)]
