"""``pmsfc plan``, and ``--batch-size auto``, which asks the device's own compiler."""

import json
from types import SimpleNamespace

import jax
import pytest

from pmsfc_jax.cli.invert import batch_size
from pmsfc_jax.cli.plan import work
from pmsfc_jax.inversion.estimate import Memory

WORDS = ("--generator", "plain", "--method", "mganprior", "--codes", "2", "--steps", "10")


def test_a_plan_is_said_to_be_an_estimate(pmsfc, photos):
    code, out, err = pmsfc("plan", photos, "--device", "v5e:2", "--quick", *WORDS)
    assert code == 0, err
    assert "3 photographs, plain at layer" in out
    assert "on 2 v5e" in out
    assert "4, 2 a device" in out
    assert "An estimate: nothing was run." in out


def test_a_plan_for_programs(pmsfc, photos, monkeypatch):
    words = ("plan", photos, "--device", "v4", "--json", *WORDS)
    code, out, err = pmsfc(*words, "--quick")
    assert code == 0, err
    [plan] = map(json.loads, out.splitlines())
    assert plan["event"] == "plan"
    assert plan["memory_by"] == "model"
    assert plan["batch_size"] == 3
    assert plan["fits"]
    assert plan["hours"] == pytest.approx(10 / plan["steps_per_second"] / 3600)
    assert plan["images_per_hour"] == pytest.approx(3 / plan["hours"])
    # Where there is a compiler, it says how much memory is needed.
    monkeypatch.setattr(work, "has_compiler", lambda chip: True)
    monkeypatch.setattr(work, "_compiled", lambda *_: Memory(0.0, 40 * 2**30))
    code, _, err = pmsfc(*words)
    assert code == 2
    assert "one image does not fit into the memory of a v4" in err
    monkeypatch.setattr(work, "_compiled", lambda *_: Memory(0.0, 2**30))
    code, out, _ = pmsfc(*words, "--batch-size", 64)
    [plan] = map(json.loads, out.splitlines())
    assert (plan["memory_by"], plan["most_per_device"]) == ("compiler", 24)
    assert plan["images_per_device"] == 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--device", "v9"), "give one of v4, v5e"),
        (("--batch-size", "0"), "--batch-size must be at least 1"),
        (("--steps", "0"), "--steps must be at least 1"),
        (("--layer", "77"), "has no layer 77"),
    ],
)
def test_mistakes_are_a_sentence(pmsfc, photos, more, message):
    code, _, err = pmsfc("plan", photos, "--generator", "plain", *more)
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def sized(run):
    return json.loads((run / "config.json").read_text())["inversion"]["batch_size"]


@pytest.mark.slow
def test_auto_is_what_fits_and_stays_with_the_run(pmsfc, photos, tmp_path, monkeypatch):
    words = ("invert", photos / "p0.png", *WORDS, "--batch-size", "auto", "--out")
    code, _, err = pmsfc(*words, tmp_path / "cpu")
    assert code == 0, err
    assert sized(tmp_path / "cpu") == 8

    def devices(limit):
        one = SimpleNamespace(memory_stats=lambda: {"bytes_limit": limit}, platform="cpu")
        return lambda: [one] * 2

    fake = SimpleNamespace(local_devices=devices(2**30))
    monkeypatch.setattr(batch_size, "jax", fake)
    code, _, err = pmsfc(*words, tmp_path / "gpu")
    assert code == 0, err
    assert "batch size 512: 256 images a device, by its compiler" in err
    assert sized(tmp_path / "gpu") == 512
    fake.local_devices = devices(2**19)
    code, _, err = pmsfc(*words, tmp_path / "gpu")
    assert code == 0, err
    assert sized(tmp_path / "gpu") == 512
    code, _, err = pmsfc(*words, tmp_path / "small")
    assert code == 0, err
    assert sized(tmp_path / "small") == 2

    def no_room(*_):
        raise jax.errors.JaxRuntimeError(
            "RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm"
        )

    monkeypatch.setattr(batch_size, "compiled_memory", no_room)
    code, _, err = pmsfc(*words, tmp_path / "smaller")
    assert code == 0, err
    assert "1 image a device, by estimate" in err
    code, _, err = pmsfc(*words, tmp_path / "other", "--share", "1/2")
    assert code == 2
    assert "give all shares the same number" in err
    assert jax.local_device_count() >= 1
