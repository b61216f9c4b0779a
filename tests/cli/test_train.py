"""``pmsfc train`` as a user runs it on a handful of pictures."""

import json
import os
import signal

import numpy as np
import pytest

import pmsfc_jax as pm
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.train.report import reporter
from pmsfc_jax.io.images import save_png
from pmsfc_jax.training.record import Progress
from pmsfc_jax.weights.store.manifest import read_manifest


def pictures(folder, count):
    rng = np.random.default_rng(0)
    folder.mkdir()
    for i in range(count):
        save_png(folder / f"{i}.png", rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    return folder


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    folder = tmp_path_factory.mktemp("few")
    pictures(folder / "data", 10)
    return folder


# A batch is larger than the folder.
SMALL = (
    "--resolution 8 --widths 4 4 --latent-dim 3 --total-images 24 --batch-size 12 --r1-interval 1"
)


def arguments(few, run, *more):
    return ("--data", few / "data", "--run", run, *SMALL.split(), *more)


@pytest.mark.slow
def test_ten_pictures_get_a_warning_and_a_generator(pmsfc, few, tmp_path):
    export = tmp_path / "weights" / "mine"
    run = tmp_path / "run"
    code, _, err = pmsfc(
        "train", *arguments(few, run, "--export", export, "--export-state"), weights=False
    )
    assert code == 0, err
    assert "warning: 10 photographs are few" in err
    assert set(read_manifest(export).networks) == {
        "generator", "discriminator", "training_generator"
    }  # fmt: skip
    code, out, _ = pmsfc("info", export, weights=False)
    assert code == 0
    assert "image 8x8x3" in out
    assert "perceptual network: mine/discriminator" in out
    # The same command again has nothing to do, and is no mistake.
    again = arguments(few, run, "--export", export, "--export-state")
    code, out, err = pmsfc("train", *again, "--json", weights=False)
    assert code == 0, err
    assert f"the weights of this run are in {export} already" in err
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["started", "done"]
    code, _, err = pmsfc("train", *again, "--seed", "1", weights=False)
    assert code == 2
    assert "already exists" in err
    # The same weights again, by name, with one picture; their sizes are theirs.
    pictures(tmp_path / "data", 1)
    again = ("--start-from", "mine", "--weights-dir", export.parent)
    code, _, err = pmsfc(
        "train",
        *("--data", tmp_path / "data", "--run", tmp_path / "on", "--total-images", "24"),
        *("--batch-size", "12", *again, "--export", tmp_path / "onward"),
        weights=False,
    )
    assert code == 0, err
    assert "warning: 1 photographs are few" not in err
    assert "warning: 1 photograph is " in err
    assert read_manifest(tmp_path / "onward").card["started_from"]["name"] == "mine"
    assert json.loads((tmp_path / "on" / "config.json").read_text())["start_from"] == "mine"


def test_a_signal_stops_cleanly_and_the_same_command_continues(pmsfc, few, tmp_path, monkeypatch):
    from pmsfc_jax.training import loop

    build = loop.make_step

    def interrupting(*given):
        step = build(*given)

        def first_step_is_interrupted(*values, **options):
            os.kill(os.getpid(), signal.SIGTERM)
            return step(*values, **options)

        return first_step_is_interrupted

    run = tmp_path / "run"
    mixed = ("--mix", "discovered", "--mix-subspaces", "2", "--export", run / "e")
    monkeypatch.setattr(loop, "make_step", interrupting)
    code, _, err = pmsfc("train", *arguments(few, run, *mixed), weights=False)
    assert code == 130
    assert "stopped after 12 of 24 images" in err
    assert "the same command continues" in err
    assert not (run / "e").exists()
    monkeypatch.setattr(loop, "make_step", build)
    code, _, err = pmsfc("train", *arguments(few, run, *mixed, "--mix-share", "1"), weights=False)
    assert code == 2
    assert "was started with other --mix:" in err
    code, _, err = pmsfc("train", *arguments(few, run, *mixed), weights=False)
    assert code == 0, err
    assert read_manifest(run / "e").card["images_seen"] == 24
    # Cut at the last layer, where there is none at 16x16.
    assert read_manifest(run / "e").card["training"]["mixing"]["layer"] == 3
    assert pm.load_subspaces(run).num_subspaces == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--resolution", "16"), "give one width for each"),
        (("--discriminator-widths", "4"), "--discriminator-widths (4,) do not fit"),
        (("--data", "nowhere"), "nowhere"),
        (("--card", "nowhere.json"), "--card nowhere.json"),
        (("--start-from", "nowhere"), "no weights called 'nowhere'"),
        (("--export", "."), "already exists"),
        (("--export-state",), "--export-state adds to what --export writes"),
        (("--mix-layer", "2"), "--mix-layer is about mixed samples, and none is mixed"),
        (("--mix", "random", "--mix-layer", "9"), "--mix-layer is 9: a generator of these widths"),
        (("--mix", "random", "--mix-subspaces", "5"), "--mix-subspaces is 5 and layer 3 has 4"),
        (("--mix", "random", "--mix-share", "2"), "--mix-share is 2.0: give a part"),
    ],
)
def test_mistakes_are_told_before_the_work(pmsfc, few, tmp_path, more, message):
    code, _, err = pmsfc("train", *arguments(few, tmp_path / "run"), *more, weights=False)
    assert code == 2
    assert message in err
    assert not (tmp_path / "run").exists()


def test_a_folder_without_pictures_is_told(pmsfc, tmp_path):
    pictures(tmp_path / "data", 0)
    code, _, err = pmsfc("train", *arguments(tmp_path, tmp_path / "run"), weights=False)
    assert code == 2
    assert "no photographs in" in err


def test_a_run_that_is_a_file_is_told(pmsfc, few, tmp_path):
    (tmp_path / "run").write_text("")
    code, _, err = pmsfc("train", *arguments(few, tmp_path / "run"), weights=False)
    assert code == 2
    assert "cannot be the folder of a run" in err


def test_a_log_file_gets_a_line_every_half_minute(capsys, monkeypatch):
    clock = iter([1000.0, 1000.0, 1010.0, 1029.0, 1040.0, 1050.0, 1080.0])
    monkeypatch.setattr("pmsfc_jax.core.progress.time.monotonic", lambda: next(clock))
    with reporter(1000, Events(False)) as report:
        for images in (100, 200, 300, 350, 400):
            report(Progress(images, 1000, 16, 0.5, 2.0, {}))
    assert capsys.readouterr().err.splitlines() == [
        "compiling the first stage; nothing is shown until that is done",
        # From the first report on: 200 images took 30 s.
        "training: 30%, 16x16 2 images/s, 2 min left",
        "training: 40%, 16x16 2 images/s, 2 min left",
    ]
