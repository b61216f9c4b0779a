"""stdout that is closed, full, or read no more; jax that cannot start; words of the environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from pmsfc_jax.cli.output import Output
from pmsfc_jax.cli.wording import counted, in_options
from pmsfc_jax.io.codes import load_codes

ROOT = Path(__file__).resolve().parents[2]
SHORT = ("--generator", "plain", "--method", "single", "--steps", "10")


@pytest.fixture
def command(weights_dir):
    """Start ``pmsfc`` in a shell, with what follows it: ``(exit code, stderr)``."""

    def call(words, after="", **environment):
        line = " ".join([sys.executable, "-m", "pmsfc_jax", *map(str, words)])
        line += f" --weights-dir {weights_dir}"
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {line} {after}"],
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr

    return call


@pytest.mark.parametrize("after", [">&-", "| head -1 >&2", ">/dev/full"])
def test_the_work_is_done_whatever_becomes_of_stdout(command, photos, tmp_path, after):
    run = tmp_path / "run"
    code, err = command(["invert", photos, "--out", run, *SHORT, "--json"], after)
    assert code == 0, err
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert len(list((run / "codes").iterdir())) == 3
    assert (run / "sheet.png").exists()
    assert ("the disk is full; all else is done" in err) == (after == ">/dev/full")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_what_only_prints_has_failed_where_it_cannot(command):
    code, err = command(["info", "plain"], ">/dev/full")
    assert code == 2
    assert "cannot write to stdout: the disk is full" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("platform", ["nothing", "cuda"])
def test_jax_that_cannot_start_is_said_so(command, photos, tmp_path, platform):
    if platform == jax.default_backend().replace("gpu", "cuda"):
        pytest.skip("it can")
    words = ["invert", photos, "--out", tmp_path / "run", *SHORT]
    code, err = command(words, JAX_PLATFORMS=platform)
    assert code == 2
    assert "jax cannot start" in err
    assert "damaged" not in err
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()


def test_the_environment_changes_no_result(command, pmsfc, photos, tmp_path):
    words = ("invert", photos, *SHORT, "--out")
    assert pmsfc(*words, tmp_path / "a")[0] == 0
    code, err = command(
        [*words, tmp_path / "b"],
        JAX_ENABLE_X64="1",
        JAX_DEFAULT_PRNG_IMPL="rbg",
        JAX_THREEFRY_PARTITIONABLE="0",
        JAX_TRANSFER_GUARD="disallow",
        JAX_DEFAULT_MATMUL_PRECISION="bfloat16",
    )
    assert code == 0, err
    ours, theirs = (load_codes(tmp_path / run / "codes" / "p1.npz") for run in "ab")
    np.testing.assert_allclose(ours.latent, theirs.latent, atol=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        ("invert", "--jsno", "--json"),
        ("invert", "--json"),
        ("evaluate", "nowhere", "--out", "x", "--json"),
        ("render", "nowhere", "--json"),
        ("train", "--data", "nowhere", "--run", "x", "--json"),
    ],
)
def test_every_mistake_is_an_event(pmsfc, words):
    code, out, err = pmsfc(*words, weights=False)
    assert code == 2
    [event] = [json.loads(line) for line in out.splitlines()]
    assert event["event"] == "error"
    assert event["exit_code"] == 2
    assert event["message"] in err


def test_text_that_a_terminal_cannot_show_is_escaped(tmp_path):
    with (tmp_path / "out").open("w", encoding="ascii") as file:
        out = Output(file)
        out.write("naïve\n")
        out.flush()
        assert out.lost is None
    assert (tmp_path / "out").read_text() == "na\\xefve\n"


def test_words():
    assert counted(1, "image") == "1 image"
    assert counted(0, "image") == "0 images"
    assert counted(2, "subfolder was", "subfolders were") == "2 subfolders were"
    names = {"num_steps": "--steps", "learning_rate": "--learning-rate", "history": "--history"}
    names |= {"weight_learning_rate": "--weight-learning-rate"}
    text = "num_steps, weight_learning_rate and --history of my_num_steps; history."
    assert in_options(text, names) == (
        "--steps, --weight-learning-rate and --history of my_num_steps; --history."
    )
