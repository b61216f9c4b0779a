"""Killed or stopped at any moment, the same command gives the bits of a run that never was."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pmsfc_jax.inversion import run_batch
from pmsfc_jax.inversion.optimise import advance
from pmsfc_jax.io.images import save_png

#: Runs a command and kills itself, as -9 does, at the n-th compiled loop, flush or rename.
PROGRAM = """
import os, signal, sys
from pmsfc_jax.inversion import run_batch

def deadly(function, calls):
    def call(*arguments, **settings):
        nonlocal calls
        calls -= 1
        if calls == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **settings)
    return call

kind, calls = sys.argv[1], int(sys.argv[2])
if kind == "advance":
    run_batch.advance = deadly(run_batch.advance, calls)
elif kind in ("fsync", "replace"):
    setattr(os, kind, deadly(getattr(os, kind), calls))
from pmsfc_jax.cli.main import main
sys.exit(main(sys.argv[3:]))
"""
SHORT = ("--generator", "plain", "--method", "mganprior", "--codes", "2", "--steps", "100")
SHORT += ("--batch-size", "2")


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """Five pictures: two batches of two, and one of one."""
    folder = tmp_path_factory.mktemp("five")
    rng = np.random.default_rng(0)
    for i in range(5):
        save_png(folder / f"p{i}.png", rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
    return folder


@pytest.fixture(scope="module")
def start(five, weights_dir):
    """Run the command in a process of its own, which may kill itself: ``(exit code, stderr)``."""

    def call(out, *more, kind="never", calls=0):
        words = ["invert", five, "--out", out, "--weights-dir", weights_dir, *SHORT, *more]
        path = ":".join([str(Path(__file__).resolve().parents[2]), *sys.path])
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, kind, str(calls), *map(str, words)],
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr

    return call


@pytest.fixture(scope="module")
def whole(start, tmp_path_factory):
    """A run that was never stopped."""
    out = tmp_path_factory.mktemp("whole") / "run"
    code, err = start(out)
    assert code == 0, err
    return out


def contents(run):
    """Every file of a run but for the times in it, which its page tells, too, and the command."""
    files = {
        path.relative_to(run).as_posix(): path.name if path.suffix == ".html" else path.read_bytes()
        for path in run.rglob("*")
        if path.is_file()
    }
    rows = list(csv.DictReader(files.pop("metrics.csv").decode().splitlines()))
    assert all(float(row.pop("seconds")) > 0 for row in rows)
    return files | {"metrics.csv": rows}


def assert_same(run, expected):
    ours, theirs = contents(run), contents(expected)
    assert sorted(ours) == sorted(theirs)
    assert [name for name in ours if ours[name] != theirs[name]] == []


@pytest.mark.slow
def test_killed_three_times(start, whole, tmp_path):
    out = tmp_path / "run"
    # Before the settings have their name: the folder is not refused later.
    code, _ = start(out, kind="replace", calls=1)
    assert code == -signal.SIGKILL
    assert sorted(path.suffix or path.name for path in out.iterdir()) == [".lock", ".tmp"]
    code, _ = start(out, "--save-every-seconds", 0, kind="advance", calls=13)
    assert code == -signal.SIGKILL
    assert len(list(out.glob("codes/*.npz"))) == 2
    assert len(list(out.glob("state/*/*.npz"))) == 2
    # While the pictures of the second batch are written: its eight steps to go save eight times.
    code, err = start(out, "--save-every-seconds", 0, kind="replace", calls=10)
    assert code == -signal.SIGKILL, err
    assert "2 images were finished before" in err
    assert "going on at step 20" in err
    code, err = start(out)
    assert code == 0, err
    assert "going on at step 90" in err
    assert_same(out, whole)
    assert len(np.load(out / "codes" / "p2.npz")["losses"][0]) == 100


@pytest.mark.slow
def test_killed_twenty_times_anywhere(start, whole, tmp_path):
    rng = np.random.default_rng(0)
    out = tmp_path / "run"
    for _ in range(20):
        kind = str(rng.choice(["advance", "fsync", "replace"]))
        code, err = start(out, "--save-every-seconds", 0, kind=kind, calls=int(rng.integers(1, 5)))
        assert code == -signal.SIGKILL, err
        assert "Traceback" not in err
    code, err = start(out)
    assert code == 0, err
    assert_same(out, whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops(pmsfc, five, monkeypatch, tmp_path, number):
    words = ["invert", five, "--out", tmp_path / "run", *SHORT, "--json"]
    calls = []

    def signalled(*arguments):
        calls.append(1)
        if len(calls) == 14:
            os.kill(os.getpid(), number)
        return advance(*arguments)

    monkeypatch.setattr(run_batch, "advance", signalled)
    code, out, err = pmsfc(*words)
    assert code == 130
    assert "the same command continues" in err
    assert "2 of 5 images are finished" in err
    assert len(calls) == 14
    last = json.loads(out.splitlines()[-1])
    assert last == {"event": "stopped", "images": 5, "finished": 2, "exit_code": 130}
    code, out, err = pmsfc(*words)
    assert code == 0, err
    assert "going on at step 40" in err
    assert len(calls) == 30
    shutil.copytree(tmp_path / "run", tmp_path / "stopped")
    code, _, err = pmsfc("invert", five, "--out", tmp_path / "whole", *SHORT)
    assert code == 0, err
    assert_same(tmp_path / "stopped", tmp_path / "whole")


def test_a_damaged_state_is_passed_over_with_a_notice(pmsfc, five, monkeypatch, tmp_path):
    run = tmp_path / "run"
    words = ["invert", five, "--out", run, *SHORT, "--save-every-seconds", "0"]
    calls = []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return advance(*arguments)

    monkeypatch.setattr(run_batch, "advance", interrupted)
    code, _, _ = pmsfc(*words)
    assert code == 130
    newest = max(run.glob("state/*/*.npz"))
    newest.write_bytes(newest.read_bytes()[:-100])
    code, _, err = pmsfc(*words)
    assert code == 0
    assert "passed over a state that cannot be used (00000040" in err
    assert "going on at step 30" in err
    assert not (run / "state").exists()


def test_new_photographs_do_not_move_the_old_ones(pmsfc, five, monkeypatch, tmp_path):
    """A photograph that comes before the others in the folder starts a batch of its own."""
    run, folder = tmp_path / "run", tmp_path / "photos"
    shutil.copytree(five, folder)
    words = ["invert", folder, "--out", run, *SHORT]
    assert pmsfc(*words)[0] == 0
    before = {path.name: path.stat().st_mtime_ns for path in run.glob("codes/*")}
    shutil.copy(five / "p1.png", folder / "a.png")
    (run / "codes" / "p0.npz").unlink()
    pictures = {path.name: path.read_bytes() for path in run.glob("images/*")}
    code, _, err = pmsfc(*words)
    assert code == 0
    assert "4 images were finished before" in err
    plan = json.loads((run / "batches.json").read_text())["batches"]
    assert [[name for name, _ in batch["images"]] for batch in plan] == [
        ["p0", "p1"],
        ["p2", "p3"],
        ["p4"],
        ["a"],
    ]
    assert [batch["size"] for batch in plan] == [2, 2, 2, 1]
    after = {path.name: path.stat().st_mtime_ns for path in run.glob("codes/*")}
    assert {name for name in before if after[name] != before[name]} == {"p0.npz"}
    assert {name: (run / "images" / name).read_bytes() for name in pictures} == pictures
