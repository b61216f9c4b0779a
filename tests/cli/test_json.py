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


def events_of(out):
    return [json.loads(line) for line in out.splitlines()]


def test_info_lists_and_shows(pmsfc):
    code, out, err = pmsfc("info", "--json")
    assert code == 0
    *listed, done = events_of(out)
    assert done == {"event": "done", "exit_code": 0}
    [judged] = [event for event in listed if event["name"] == "judged"]
    assert judged["networks"] == ["pggan", "pggan_discriminator"]
    assert judged["image"] == [16, 16, 3]
    assert "images" in err
    code, out, err = pmsfc("info", "judged", "--json")
    [shown, done] = events_of(out)
    assert shown["event"] == "generator"
    assert shown["layers"][0] == [4, 4, 12]
    assert shown["perceptual"] == "judged/discriminator"
    assert "16x16x3" in err
    code, out, err = pmsfc("info", "absent", "--json")
    [error] = events_of(out)
    assert (code, error["event"]) == (2, "error")
    assert error["message"] in err


def test_samples_are_told(pmsfc, tmp_path):
    sheet, folder = tmp_path / "sheet.png", tmp_path / "folder"
    code, out, err = pmsfc("sample", "plain", "--out", sheet, "--num", "1", "--json")
    assert code == 0
    assert events_of(out) == [{"event": "done", "out": str(sheet), "seeds": [0], "exit_code": 0}]
    assert "1 sample of plain (seed 0)" in err
    words = ("--out", folder, "--seeds", "9", "4", "--separate", "--json")
    *images, _done = events_of(pmsfc("sample", "plain", *words)[1])
    assert [image["seed"] for image in images] == [9, 4]
    assert (folder / "seed9.png").samefile(images[0]["picture"])


def test_discovery_is_told(pmsfc, tmp_path):
    words = ("--layer", "3", "--num-subspaces", "3", "--num-samples", "100", "--json")
    code, out, err = pmsfc("discover", "plain", *words)
    assert code == 0
    *_, found, done = events_of(out)
    assert done == {"event": "done", "out": None, "exit_code": 0}
    assert found["event"] == "subspaces"
    assert np.bincount(found["labels"]).tolist() == found["sizes"]
    assert "3 subspaces of" in err
    report = ("--out", tmp_path, "--num-pairs", "2", "--num-random", "1")
    *_, effects, done = events_of(pmsfc("discover", "plain", *words, *report)[1])
    assert effects["event"] == "effects"
    assert effects["measures"]["overlap"]["verdict"] in ("more", "less", "same")
    assert done["out"] == str(tmp_path)
