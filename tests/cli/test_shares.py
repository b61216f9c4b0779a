"""Shares: many processes give the files of one, and a dead one's share is run again."""

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.cli.start_jax import join_processes
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.codes import load_codes
from tests.cli.test_interrupted import PROGRAM, SHORT, contents, five
from tests.xla import virtual_devices

__all__ = ["five"]
#: Batches of the five pictures: two, two, one; to two shares: three pictures and two.
TWO = [("--share", "1/2"), ("--share", "2/2")]


@pytest.fixture(scope="module")
def begin(five, weights_dir):
    """Start the command in a process of its own, which may kill itself."""

    def call(out, *more, devices=1, kind="never", calls=0, environment=None):
        words = ["invert", five, "--out", out, "--weights-dir", weights_dir, *SHORT, *more]
        path = ":".join([str(Path(__file__).resolve().parents[2]), *sys.path])
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, kind, str(calls), *map(str, words)],
            env=os.environ | {"PYTHONPATH": path} | virtual_devices(devices) | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return call


def end(process):
    """``(exit code, stderr)`` of a process that was begun."""
    _, err = process.communicate(timeout=300)
    return process.returncode, err


@pytest.fixture(scope="module")
def whole(begin, tmp_path_factory):
    """A run of one process on one device."""
    out = tmp_path_factory.mktemp("undivided") / "run"
    code, err = end(begin(out))
    assert code == 0, err
    return out


def assert_same_bits(run, expected):
    ours, theirs = contents(run), contents(expected)
    assert sorted(ours) == sorted(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []


#: The setting for which `tests/inversion/test_devices.py` holds devices to their tolerance: L-BFGS
#: on noise doubles a rounding error every few steps.
ADAM = ("--optimiser", "adam", "--steps", "20")


def assert_close(run, expected):
    """The same files; losses and pictures within the tolerance across devices."""
    assert sorted(contents(run)) == sorted(contents(expected))
    for path in sorted(expected.glob("codes/*.npz")):
        ours, theirs = load_codes(run / "codes" / path.name), load_codes(path)
        np.testing.assert_allclose(ours.losses[:, 0], theirs.losses[:, 0], rtol=1e-5)
        np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-2)
        pair = [
            np.asarray(Image.open(folder / "images" / f"{path.stem}.png"), np.float64) / 255
            for folder in (run, expected)
        ]
        assert -10 * np.log10(((pair[0] - pair[1]) ** 2).mean() + 1e-12) > 40


def test_two_shares_one_after_the_other_give_the_bits_of_one_process(pmsfc, five, whole, tmp_path):
    run = tmp_path / "run"
    code, _, err = pmsfc("invert", five, "--out", run, *SHORT, *TWO[0])
    assert code == 0, err
    assert "share 2 of 2 is not done: nobody has begun it; give --share 2/2" in err
    assert not (run / "metrics.csv").exists()
    code, _, err = pmsfc("invert", five, "--out", run, *SHORT)
    assert code == 2
    assert "was dealt to shares that are not merged" in err
    code, out, err = pmsfc("merge", run, weights=False)
    assert code == 1
    assert "share 2 of 2 is not done, 2 images are left: nobody has begun it" in err
    assert "mean" in out
    assert len(list(run.glob("codes/*.npz"))) == 3
    code, _, err = pmsfc("invert", five, "--out", run, *SHORT, *TWO[1])
    assert code == 0, err
    assert not (run / "shares").exists()
    assert_same_bits(run, whole)


def test_a_share_waits_for_the_first_one_and_says_so(pmsfc, five, tmp_path):
    words = ["invert", five, "--out", tmp_path / "run", *SHORT, *TWO[1], "--wait-seconds", "0.1"]
    code, _, err = pmsfc(*words)
    assert code == 2
    assert "waiting for share 1 of 2" in err
    assert "share 1 of 2 has dealt no photographs" in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("share", ["0/2", "3/2", "2", "a/b"])
def test_what_is_no_share_is_refused(pmsfc, five, tmp_path, share):
    code, _, err = pmsfc("invert", five, "--out", tmp_path / "run", "--share", share)
    assert code == 2
    assert "--share is" in err


def test_machines_with_their_own_disks_are_merged(pmsfc, five, whole, tmp_path):
    for number, share in enumerate(TWO):
        code, _, err = pmsfc(
            "invert", five, "--out", tmp_path / f"m{number}", *SHORT, *share, "--own-disk"
        )
        assert code == 0, err
    runs = [tmp_path / "m0", tmp_path / "m1"]
    code, _, err = pmsfc("merge", runs[0], "--out", tmp_path / "half", weights=False)
    assert code == 1
    assert "share 2 of 2 is not done, 2 images are left" in err
    code, out, err = pmsfc("merge", *runs, "--out", tmp_path / "all", "--json", weights=False)
    assert code == 0, err
    assert json.loads(out.splitlines()[-1])["finished"] == 5
    assert_same_bits(tmp_path / "all", whole)
    assert all((run / "shares").exists() for run in runs)


def test_runs_of_other_settings_are_not_merged(pmsfc, five, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "other")
    config = json.loads((whole / "config.json").read_text()) | {"seed": 1}
    (tmp_path / "other" / "config.json").write_text(json.dumps(config))
    code, _, err = pmsfc(
        "merge", whole, tmp_path / "other", "--out", tmp_path / "all", weights=False
    )
    assert code == 2
    assert "different settings (--seed)" in err
    assert not (tmp_path / "all").exists()


@pytest.mark.slow
def test_one_of_two_is_killed_and_run_again(begin, whole, tmp_path):
    run = tmp_path / "run"
    first = begin(run, *TWO[0])
    second = begin(run, *TWO[1], "--save-every-seconds", 0, kind="advance", calls=5)
    assert end(second)[0] == -signal.SIGKILL
    code, err = end(first)
    assert code == 0, err
    assert "share 2 of 2 is not done: process" in err
    assert "is dead; give --share 2/2 again" in err
    times = {path: path.stat().st_mtime_ns for path in run.glob("shares/1-of-2/codes/*")}
    assert len(times) == 3
    code, err = end(begin(run, *TWO[1]))
    assert code == 0, err
    assert "going on at step 40" in err
    assert_same_bits(run, whole)
    assert {run / "codes" / path.name: time for path, time in times.items()} == {
        run / "codes" / path.name: (run / "codes" / path.name).stat().st_mtime_ns for path in times
    }


@pytest.fixture(scope="module")
def undivided(begin, tmp_path_factory):
    """A short run of one process on one device."""
    out = tmp_path_factory.mktemp("short") / "run"
    code, err = end(begin(out, *ADAM))
    assert code == 0, err
    return out


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "devices"), [(1, 1), (1, 4), (2, 2)])
def test_processes_and_devices_give_the_same_files(begin, undivided, tmp_path, processes, devices):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    run = tmp_path / "run"
    begun = [
        begin(
            run,
            *ADAM,
            "--distributed",
            devices=devices,
            environment={
                "JAX_COORDINATOR_ADDRESS": f"localhost:{port}",
                "JAX_NUM_PROCESSES": str(processes),
                "JAX_PROCESS_ID": str(index),
            },
        )
        for index in range(processes)
    ]
    for process in begun:
        code, err = end(process)
        assert code == 0, err
    assert_close(run, undivided)
    with (run / "metrics.csv").open() as file:
        assert [row["image"] for row in csv.DictReader(file)] == [f"p{i}" for i in range(5)]


def test_another_jax_is_a_sentence(monkeypatch):
    """The numbers of a cluster are kept in a private module of jax, which may move."""
    monkeypatch.setitem(sys.modules, "jax._src.distributed", None)
    with pytest.raises(InputError, match=r"does not know jax .* give --share K/N"):
        join_processes()
