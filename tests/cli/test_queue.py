"""``pmsfc invert --until-...``: a queue on disk, stopped, gone on with, and added to."""

import csv
import json
import os
import shutil
import signal

import numpy as np
import pytest

from pmsfc_jax.inversion import slots
from pmsfc_jax.inversion.optimise import advance
from pmsfc_jax.io.codes import load_codes
from pmsfc_jax.io.images import save_png
from tests.cli.test_interrupted import assert_same, five

__all__ = ["five"]
#: Noise: the pictures differ in how far they come.
QUEUE = ("--generator", "plain", "--method", "mganprior", "--codes", "2", "--steps", "40")
QUEUE += ("--batch-size", "2", "--until-fall", "0.03", "--until-window", "8")


def rows_of(run):
    with (run / "metrics.csv").open() as file:
        return {row["image"]: row for row in csv.DictReader(file)}


@pytest.fixture
def whole(pmsfc, five, tmp_path):
    run = tmp_path / "whole"
    code, _, err = pmsfc("invert", five, "--out", run, *QUEUE)
    assert code == 0, err
    assert "until a fall of less than 0.03 in 8 steps, at most 40 steps, on" in err
    return run


def test_a_queue_on_disk(pmsfc, five, whole, tmp_path, monkeypatch):
    rows = rows_of(whole)
    assert list(rows) == [f"p{i}" for i in range(5)]
    for name, row in rows.items():
        losses = load_codes(whole / "codes" / f"{name}.npz").losses
        assert losses.shape == (1, int(row["steps"]))
        assert np.isfinite(losses).all()
        assert row["reason"] in ("fall", "steps")
    assert len({row["steps"] for row in rows.values()}) > 1
    [queue] = json.loads((whole / "batches.json").read_text())["batches"]
    assert queue["size"] == 2
    assert [name for name, _ in queue["images"]] == list(rows)
    assert json.loads((whole / "config.json").read_text())["inversion"]["until"] == {
        "psnr": None, "fall": 0.03, "window": 8,
    }  # fmt: skip

    # Stopped by a signal, and gone on with.
    calls = []

    def signalled(*arguments):
        calls.append(1)
        if len(calls) == 8:
            os.kill(os.getpid(), signal.SIGTERM)
        return advance(*arguments)

    run = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(slots, "advance", signalled)
        code, _, err = pmsfc("invert", five, "--out", run, *QUEUE)
    assert code == 130
    assert "the same command continues" in err
    code, out, err = pmsfc("invert", five, "--out", run, *QUEUE, "--json")
    assert code == 0, err
    assert "of a queue" in err
    images = [event for event in map(json.loads, out.splitlines()) if event["event"] == "image"]
    assert images
    for event in images:
        assert event["steps"] == int(rows[event["image"]]["steps"])
        assert event["reason"] == rows[event["image"]]["reason"]
    assert_same(run, whole)

    # Photographs that come later are a queue of their own; a lost one is done alone.
    more = tmp_path / "more"
    shutil.copytree(five, more)
    save_png(more / "a.png", np.full((16, 16, 3), 128, np.uint8))
    (run / "codes" / "p3.npz").unlink()
    code, _, err = pmsfc("invert", more, "--out", run, *QUEUE)
    assert code == 0, err
    assert "4 images were finished before and are kept" in err
    planned = json.loads((run / "batches.json").read_text())["batches"]
    assert [[name for name, _ in queue["images"]] for queue in planned] == [list(rows), ["a"]]
    again = load_codes(run / "codes" / "p3.npz").losses
    np.testing.assert_allclose(again, load_codes(whole / "codes" / "p3.npz").losses, rtol=1e-2)


def test_killed_while_images_are_written(pmsfc, five, whole, tmp_path, monkeypatch):
    """Nothing is saved but what a queue saves of itself before it gives its first image."""
    run, write = tmp_path / "killed", os.replace
    written = []

    def deadly(source, target, **more):
        if "codes" in str(target):
            written.append(target)
            if len(written) == 2:
                raise KeyboardInterrupt
        return write(source, target, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", deadly)
        code, _, _ = pmsfc("invert", five, "--out", run, *QUEUE)
    assert code == 130
    assert len(list(run.glob("codes/*.npz"))) == 1
    assert len(list(run.glob("state/*/*.npz"))) == 1
    code, _, err = pmsfc("invert", five, "--out", run, *QUEUE)
    assert code == 0, err
    assert_same(run, whole)


def test_criteria_that_cannot_be_are_said_by_their_options(pmsfc, five, tmp_path):
    words = ("invert", five, "--out", tmp_path / "run", "--generator", "plain")
    code, _, err = pmsfc(*words, "--until-window", 8)
    assert code == 2
    assert "--until-window is of --until-fall: give --until-fall" in err
    assert not (tmp_path / "run").exists()


def test_a_share_is_a_queue(pmsfc, five, whole, tmp_path):
    """What is dealt in batches comes one after the other; the last share merges."""
    run = tmp_path / "shared"
    for share in ("1/2", "2/2"):
        code, _, err = pmsfc("invert", five, "--out", run, *QUEUE, "--share", share)
        assert code == 0, err
    queues = json.loads((run / "batches.json").read_text())["batches"]
    assert [len(queue["images"]) for queue in queues] == [3, 2]
    assert [queue["size"] for queue in queues] == [2, 2]
    ours, alone = rows_of(run), rows_of(whole)
    assert ours.keys() == alone.keys()
    for name, row in ours.items():
        assert (row["steps"], row["reason"]) == (alone[name]["steps"], alone[name]["reason"])
