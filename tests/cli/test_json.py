"""What ``pmsfc invert --json`` tells programs."""

import json

import numpy as np
import pytest

from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.main import main

SHORT = ("--generator", "plain", "--method", "single", "--steps", "10", "--batch-size", "2")


def test_every_line_is_an_event(pmsfc, photos, tmp_path):
    run = tmp_path / "run"
    code, out, err = pmsfc("invert", photos, "--out", run, *SHORT, "--json")
    assert code == 0
    events = [json.loads(line) for line in out.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "started"
    assert kinds[-1] == "done"
    assert set(kinds) == {"started", "progress", "image", "done"}
    assert events[0] == {
        "event": "started",
        "run": str(run),
        "images": 3,
        "finished_before": 0,
        "steps": 10,
    }
    images = [event for event in events if event["event"] == "image"]
    assert [image["image"] for image in images] == ["p0", "p1", "p2"]
    for image in images:
        assert isinstance(image["psnr_db"], float)
        assert image["restarted"] == 0
        assert (run / "codes" / f"{image['image']}.npz").samefile(image["codes"])
        assert (run / "images" / f"{image['image']}.png").samefile(image["picture"])
    done = events[-1]
    assert (done["images"], done["finished"], done["failed"], done["left_out"]) == (3, 3, 0, 0)
    mean = np.mean([image["psnr_db"] for image in images])
    np.testing.assert_allclose(done["means"]["psnr_db"], mean)
    # The table for people has moved to stderr.
    assert "PSNR dB" in err
    code, out, _ = pmsfc("invert", photos, "--out", run, *SHORT, "--json")
    assert code == 0
    again = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in again] == ["started", "done"]
    assert again[0]["finished_before"] == 3
    assert again[1]["means"] == done["means"]


def test_mistakes_are_events_too(pmsfc, photos, tmp_path):
    code, out, err = pmsfc("invert", photos, "--out", tmp_path / "run", "--json", "--steps", "0")
    assert code == 2
    event = json.loads(out)
    assert event["event"] == "error"
    assert event["message"] in err


def test_progress_comes_at_most_once_a_second(capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("pmsfc_jax.cli.events.time.monotonic", lambda: now[0])
    events = Events(wanted=True)
    for i in range(25):
        events.progress(step=i, loss=float("nan"))
        now[0] += 0.125
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["step"] for event in told] == [0, 8, 16, 24]
    assert told[0]["loss"] is None
    Events(wanted=False).tell("nothing")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("word", ["--json", "--preset", "PMSFC_CACHE", "130 stopped", "left_out"])
def test_help_tells_it(capsys, word):
    with pytest.raises(SystemExit):
        main(["invert", "--help"])
    assert word in " ".join(capsys.readouterr().out.replace("│", " ").split())
