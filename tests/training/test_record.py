"""Settings and log of a run on disk."""

import dataclasses
import json

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.record import Progress, append_log, check_same_run, trim_log


def settings(**changes):
    return dataclasses.asdict(TrainingConfig(**changes)) | {"data_sha256": "d"}


def test_a_run_may_be_continued_for_longer(tmp_path):
    check_same_run(tmp_path, settings())
    check_same_run(tmp_path, settings(total_images=500_000))
    assert json.loads((tmp_path / "config.json").read_text())["total_images"] == 500_000
    with pytest.raises(InputError, match="other seed, data_sha256"):
        check_same_run(tmp_path, settings(seed=1) | {"data_sha256": "e"})


def test_a_run_of_an_earlier_version_had_the_defaults(tmp_path):
    earlier = settings()
    del earlier["compute_dtype"], earlier["discriminator_widths"]
    (tmp_path / "config.json").write_text(json.dumps(earlier))
    check_same_run(tmp_path, settings() | {"start_from": None})
    (tmp_path / "config.json").write_text(json.dumps(earlier))
    with pytest.raises(InputError, match="other compute_dtype"):
        check_same_run(tmp_path, settings(compute_dtype="bfloat16"))


def test_damaged_settings_are_told(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as the settings of a run"):
        check_same_run(tmp_path, settings())


def test_rows_of_lost_work_are_taken_away(tmp_path):
    trim_log(tmp_path, 0)
    for images in (10, 20, 12_345_678):
        append_log(tmp_path, Progress(images, 20_000_000, 8, 0.5, 123.456789, {"loss": 0.1}))
    expected = ["images,side,fade,images_per_second,loss", "10,8,0.5,123.457,0.1"]
    log = tmp_path / "log.csv"
    assert log.read_text().splitlines()[-1].startswith("12345678,8,")
    with log.open("a") as file:
        file.write("12345")
    trim_log(tmp_path, 19)
    assert log.read_text().splitlines() == expected
    trim_log(tmp_path, 0)
    assert log.read_text().splitlines() == expected[:1]


def test_time_left():
    assert Progress(100, 400, 8, 0.0, 10.0, {}).seconds_left == 30
    assert Progress(401, 400, 8, 0.0, 10.0, {}).seconds_left == 0
