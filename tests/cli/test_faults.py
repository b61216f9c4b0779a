"""Full disks, folders that cannot be used, photographs that vanish, losses that are no numbers."""

import errno
import json
import os

import jax.numpy as jnp
import pytest

from pmsfc_jax.cli import photographs
from pmsfc_jax.inversion import run_batch
from pmsfc_jax.inversion.optimise import advance
from pmsfc_jax.io.find import search_photographs

SHORT = ("--generator", "plain", "--method", "single", "--steps", "10", "--batch-size", "2")


def error_line(err):
    [line] = [line for line in err.splitlines() if line.startswith("pmsfc invert: error:")]
    assert "Traceback" not in err
    return line


def test_a_full_disk_keeps_what_is_finished(pmsfc, photos, tmp_path, monkeypatch):
    run = tmp_path / "run"
    codes = []
    replace = os.replace

    def full(source, target):
        codes.append(str(target).endswith(".npz"))
        if sum(codes) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("pmsfc_jax.io.atomic.os.replace", full)
        code, out, err = pmsfc("invert", photos, "--out", run, *SHORT, "--json")
    assert code == 2
    line = error_line(err)
    assert "p1.npz" in line
    assert "the disk is full" in line
    assert json.loads(out.splitlines()[-1])["event"] == "error"
    assert [path.name for path in run.glob("codes/*")] == ["p0.npz"]
    assert not list(run.rglob("*.tmp"))
    first = (run / "codes" / "p0.npz").stat().st_mtime_ns
    code, out, err = pmsfc("invert", photos, "--out", run, *SHORT)
    assert code == 0
    assert "1 image was finished before" in err
    assert (run / "codes" / "p0.npz").stat().st_mtime_ns == first
    assert len(list(run.glob("codes/*"))) == 3


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(pmsfc, photos, tmp_path):
    tmp_path.chmod(0o500)
    try:
        code, _, err = pmsfc("invert", photos, "--out", tmp_path / "run", *SHORT)
    finally:
        tmp_path.chmod(0o700)
    assert code == 2
    assert "permission denied" in error_line(err)


def test_a_folder_whose_place_is_a_file(pmsfc, photos, tmp_path):
    (tmp_path / "file").write_text("precious")
    code, _, err = pmsfc("invert", photos, "--out", tmp_path / "file" / "run", *SHORT)
    assert code == 2
    assert "is a file, not a folder" in error_line(err)
    assert (tmp_path / "file").read_text() == "precious"


def test_a_photograph_that_vanishes_is_left_out(pmsfc, photos, tmp_path, monkeypatch):
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in photos.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())

    def listed(paths, **options):
        found = search_photographs(paths, **options)
        (folder / "p1.png").unlink()
        return found

    monkeypatch.setattr(photographs, "search_photographs", listed)
    code, out, err = pmsfc("invert", folder, "--out", tmp_path / "run", *SHORT, "--json")
    assert code == 1
    assert "left out" in err
    assert "it does not exist" in err
    events = [json.loads(line) for line in out.splitlines()]
    assert [e["reason"] for e in events if e["event"] == "left_out"] == ["it does not exist"]
    assert [path.name for path in sorted((tmp_path / "run" / "codes").iterdir())] == [
        "p0.npz",
        "p2.npz",
    ]


def test_a_loss_that_is_no_number_is_tried_again_and_told(pmsfc, photos, tmp_path):
    words = ("invert", photos, "--out", tmp_path / "run", "--generator", "plain", "--codes", "2")
    words += ("--method", "mganprior", "--optimiser", "sgd", "--learning-rate", "1e30")
    code, _, err = pmsfc(*words, "--steps", "10", "--batch-size", "3")
    assert code == 0, err
    assert "p1: its loss was not finite" in err
    lines = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    column = lines[0].split(",").index("restarted")
    assert [line.split(",")[column] for line in lines[1:]] == ["1", "1", "1"]


def test_images_that_fail_are_named_and_the_others_kept(pmsfc, photos, tmp_path, monkeypatch):
    """The second photograph never has a finite loss, wherever it is tried."""
    second = []

    def poisoned(*arguments):
        target = arguments[3].targets[0][0]
        second.append(target[1:2])
        bad = (target == second[0]).all(axis=(1, 2, 3))
        state, info = advance(*arguments)
        state = state._replace(best_loss=jnp.where(bad, jnp.inf, state.best_loss))
        return state, info._replace(loss=jnp.where(bad[None], jnp.nan, info.loss))

    monkeypatch.setattr(run_batch, "advance", poisoned)
    words = ("invert", photos, "--out", tmp_path / "run", *SHORT, "--json")
    code, out, err = pmsfc(*words)
    assert code == 1
    assert "p1: failed" in err
    assert "p0: failed" not in err
    assert sorted(path.name for path in (tmp_path / "run" / "codes").iterdir()) == [
        "p0.npz",
        "p2.npz",
    ]
    events = [json.loads(line) for line in out.splitlines()]
    assert [e["image"] for e in events if e["event"] == "failed"] == ["p1"]
    assert events[-1]["failed"] == 1
    assert events[-1]["exit_code"] == 1


def test_impossible_intervals_are_refused(pmsfc, photos, tmp_path):
    for value, part in (("-1", "give 0 or more"), ("nan", "give a number")):
        code, _, err = pmsfc(
            "invert", photos, "--out", tmp_path / "run", *SHORT, "--save-every-seconds", value
        )
        assert code == 2
        assert part in error_line(err)
