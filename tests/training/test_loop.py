"""Whole runs on eight-pixel pictures: learning, resuming, growing, exporting."""

import dataclasses
import json
import shutil

import jax
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.images import save_png
from pmsfc_jax.io.lock import only_writer
from pmsfc_jax.training.checkpoints import checkpoint_manager, restore
from pmsfc_jax.training.data import load_folder
from pmsfc_jax.training.export import export
from pmsfc_jax.training.loop import train
from pmsfc_jax.training.start import StartingPoint
from pmsfc_jax.weights.store.folder import load_weights
from tests.training.conftest import SMALL, same


def test_a_run_leaves_its_settings_samples_and_log(finished):
    run, _, reports = finished
    settings = json.loads((run / "config.json").read_text())
    assert settings["batch_size"] == 4
    assert settings["data_sha256"] == "d"
    assert list((run / "samples").glob("*.png"))
    log = (run / "log.csv").read_text().splitlines()
    assert log[0].startswith("images,side,fade,images_per_second,generator_loss")
    assert len(log) == 1 + len(reports) == 5
    assert [r.images for r in reports] == [8, 16, 24, 32]


def test_a_run_that_was_stopped_continues_to_the_same_bits(finished, photographs, tmp_path):
    whole, expected, _ = finished
    run, asked = tmp_path / "run", iter([False] * 5 + [True])
    half = train(
        photographs,
        SMALL,
        run,
        data_digest="d",
        report_every=2,
        should_stop=lambda: next(asked),
    )
    assert (half.images, half.finished) == (20, False)
    # A kill after the last checkpoint leaves rows of steps that will be done again.
    with (run / "log.csv").open("a") as log:
        log.write("24,8,0,1,1,1,1,1,1\n28,8")
    rest = train(photographs, SMALL, run, data_digest="d", report_every=2)
    assert rest.finished
    same(rest.state, expected)
    images = [
        [line.split(",")[0] for line in (folder / "log.csv").read_text().splitlines()]
        for folder in (run, whole)
    ]
    assert images[0] == images[1]


def test_asking_to_stop_before_the_first_step_keeps_the_run(finished, photographs, tmp_path):
    run, expected, _ = finished
    stopped = train(photographs, SMALL, tmp_path / "run", data_digest="d", should_stop=lambda: True)
    assert (stopped.images, stopped.finished) == (0, False)
    again = train(photographs, SMALL, run, data_digest="d", should_stop=lambda: True)
    assert again.finished
    same(again.state, expected)


def test_other_settings_or_data_do_not_continue_a_run(finished, photographs):
    run, _, _ = finished
    other = dataclasses.replace(SMALL, learning_rate=1e-4)
    with pytest.raises(InputError, match="other learning_rate"):
        train(photographs, other, run, data_digest="d")
    with pytest.raises(InputError, match="other data_sha256"):
        train(photographs, SMALL, run, data_digest="e")


def test_a_damaged_checkpoint_is_told_and_can_be_removed(finished, photographs, tmp_path):
    whole, expected, _ = finished
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    checkpoint = run / "checkpoints" / "8"
    assert list(json.loads((run / "checksums.json").read_text())) == ["8"]
    largest = max(
        (file for file in checkpoint.rglob("*") if file.is_file()), key=lambda f: f.stat().st_size
    )
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    with pytest.raises(InputError, match="checkpoints/8 is damaged: remove that folder"):
        train(photographs, SMALL, run, data_digest="d")
    shutil.rmtree(checkpoint)
    same(train(photographs, SMALL, run, data_digest="d").state, expected)


def test_a_checkpoint_of_other_settings_is_told(finished):
    run, _, _ = finished
    other = dataclasses.replace(SMALL, latent_dim=5)
    with (
        checkpoint_manager(run) as manager,
        pytest.raises(InputError, match="checkpoints/8 is of a run with other settings"),
    ):
        restore(manager, other)


def test_numbers_that_are_not_finite_are_not_saved(finished, photographs, tmp_path):
    networks = jax.tree.map(np.array, finished[1][:3])
    start = StartingPoint("broken", "0", *networks)
    start.generator["conv1"]["kernel"][0, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="training diverged"):
        train(photographs, SMALL, tmp_path, data_digest="d", start=start, report_every=100)
    with checkpoint_manager(tmp_path) as manager:
        assert manager.latest_step() is None


def test_two_processes_do_not_train_one_run(finished, photographs):
    run, _, _ = finished
    with (
        only_writer(run),
        pytest.raises(InputError, match="is in use by process"),
    ):
        train(photographs, SMALL, run, data_digest="d")
    train(photographs, SMALL, run, data_digest="d")


def test_the_average_is_exported_with_the_discriminator(finished, tmp_path):
    run, state, _ = finished
    export(run, tmp_path / "mine", SMALL, card={"data": "noise"})
    manifest, params = load_weights(tmp_path / "mine")
    assert manifest.card["images_seen"] == 32
    assert manifest.card["data"] == "noise"
    raw = state.average["conv1"]["kernel"]
    np.testing.assert_allclose(
        params["conv1"]["kernel"], np.asarray(raw) * np.sqrt(2 / 72), rtol=1e-6
    )
    _, discriminator = load_weights(tmp_path / "mine", "discriminator")
    assert "conv8_0" in discriminator


def test_a_run_without_checkpoints_cannot_be_exported(tmp_path):
    with pytest.raises(InputError, match="no checkpoint"):
        export(tmp_path, tmp_path / "mine", SMALL, card={})


def test_training_teaches(finished, photographs, tmp_path):
    """On one flat colour, samples take on that colour."""
    del finished
    flat = np.full_like(photographs, 230)
    config = dataclasses.replace(
        SMALL, total_images=800, learning_rate=5e-3, stage_images=1000, average_half_life=50.0
    )
    run = tmp_path / "flat"
    train(flat, config, run, data_digest="f", report_every=1000)
    from PIL import Image

    def level(path):
        picture = np.asarray(Image.open(path), np.float64)
        return np.median(picture[2:10, 2:10])

    assert abs(level(run / "samples" / "00000800.png") - 230) < 40


@pytest.mark.slow
def test_growing_keeps_what_was_learned(photographs, tmp_path):
    images = photographs.repeat(2, axis=1).repeat(2, axis=2)
    config = dataclasses.replace(
        SMALL,
        resolution=16,
        widths=(8, 8, 8),
        discriminator_widths=None,
        stage_images=16,
        fade_images=8,
        total_images=32,
    )
    seen = []
    train(
        images,
        config,
        tmp_path / "run",
        data_digest="d",
        on_progress=lambda p: seen.append((p.side, p.fade)),
        report_every=1,
    )
    assert seen == [(8, 0.0)] * 4 + [(16, 1.0), (16, 0.5), (16, 0.0), (16, 0.0)]
    with checkpoint_manager(tmp_path / "run") as manager:
        step, state, place = restore(manager, config)
    assert (step, place) == (8, {"side": 16, "fading": False})
    assert set(state.generator) == {"conv0", "conv1", "conv2", "conv3", "conv4", "conv5", "rgb16"}


def test_a_folder_is_read_in_order_and_damage_is_told(tmp_path):
    for name, level in (("b", 200), ("a", 100)):
        save_png(tmp_path / f"{name}.png", np.full((20, 10, 3), level, np.uint8))
    (tmp_path / "c.png").write_bytes(b"no picture")
    images, digest, faults = load_folder(tmp_path, 8)
    assert images.shape == (2, 8, 8, 3)
    assert [int(i.mean()) for i in images] == [100, 200]
    assert len(digest) == 64
    assert len(faults) == 1
    assert "c.png" in faults[0]
