"""Photographs a batch at a time: memory that is short, files that are bad, names that are alike."""

import csv
import hashlib
import json
import shutil

import jax
import numpy as np
import pytest

from pmsfc_jax.inversion import run_batch
from pmsfc_jax.inversion.optimise import advance
from pmsfc_jax.io.codes import load_codes
from pmsfc_jax.io.images import save_png

SHORT = ("--generator", "plain", "--method", "single", "--steps", "10", "--batch-size", "4")


def events_of(out):
    return [json.loads(line) for line in out.splitlines()]


def rows_of(run):
    with (run / "metrics.csv").open() as file:
        return {row["image"]: row for row in csv.DictReader(file)}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def five(tmp_path):
    folder = tmp_path / "five"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(5):
        save_png(folder / f"p{i}.png", rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
    return folder


def narrow(most):
    """A device on which no more than ``most`` images fit."""

    def limited(*arguments):
        if len(arguments[3].targets[0][0]) > most:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating")
        return advance(*arguments)

    return limited


def test_what_does_not_fit_is_halved_and_said_and_kept(pmsfc, five, tmp_path, monkeypatch):
    words = ("invert", five, *SHORT, "--json")
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(run_batch, "advance", narrow(2))
        code, out, err = pmsfc(*words, "--out", run)
    assert code == 0, err
    assert "4 images at once do not fit into the device's memory: going on with 2" in err
    assert "Traceback" not in err
    assert [e["size"] for e in events_of(out) if e["event"] == "smaller_batches"] == [2]
    plan = json.loads((run / "batches.json").read_text())["batches"]
    assert [[name for name, _ in batch["images"]] for batch in plan] == [
        ["p0", "p1"], ["p2", "p3"], ["p4"],
    ]  # fmt: skip
    assert [batch["size"] for batch in plan] == [2, 2, 2]
    # With room again, what is missing is done as it was recorded: the same bits.
    codes = {path.name: path.read_bytes() for path in (run / "codes").iterdir()}
    (run / "codes" / "p3.npz").unlink()
    code, _, err = pmsfc(*words, "--out", run)
    assert code == 0, err
    assert {path.name: path.read_bytes() for path in (run / "codes").iterdir()} == codes


def test_an_image_that_does_not_fit_is_a_sentence(pmsfc, five, tmp_path, monkeypatch):
    monkeypatch.setattr(run_batch, "advance", narrow(0))
    code, out, err = pmsfc("invert", five, *SHORT, "--json", "--out", tmp_path / "run")
    assert code == 2
    assert "one image does not fit into the device's memory" in err
    assert "Traceback" not in err
    assert events_of(out)[-1]["event"] == "error"


def test_damage_that_shows_late_costs_one_photograph(pmsfc, five, tmp_path, monkeypatch):
    """The header is sound, the rest is not there; a command later it costs nothing again."""
    whole = (five / "p1.png").read_bytes()
    (five / "p1.png").write_bytes(whole[:-150])
    run, words = tmp_path / "run", ("invert", five, *SHORT, "--json")
    code, out, err = pmsfc(*words, "--out", run)
    assert code == 1, err
    assert err.count("left out") == 1
    events = events_of(out)
    assert [e["event"] for e in events].index("started") == 0
    [left_out] = [e for e in events if e["event"] == "left_out"]
    assert left_out["photograph"].endswith("p1.png")
    assert {**events[-1], "means": None} == {
        "event": "done", "images": 5, "finished": 4, "failed": 0, "left_out": 1, "means": None,
        "exit_code": 1,
    }  # fmt: skip
    assert sorted(rows_of(run)) == ["p0", "p2", "p3", "p4"]

    def never(*arguments):
        raise AssertionError("nothing is left to be inverted")

    with monkeypatch.context() as patch:
        patch.setattr(run_batch, "advance", never)
        code, _, err = pmsfc(*words, "--out", run)
    assert code == 1
    assert err.count("left out") == 1
    assert "4 images were finished before" in err
    # Mended, it is another file, and is inverted.
    (five / "p1.png").write_bytes(whole)
    code, _, err = pmsfc(*words, "--out", run)
    assert code == 0, err
    assert len(rows_of(run)) == 5


def test_files_of_one_stem_stay_apart_and_can_be_traced(pmsfc, five, tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for i, folder in enumerate(folders):
        folder.mkdir()
        shutil.copy(five / f"p{i}.png", folder / "x.png")
    run = tmp_path / "run"
    code, out, err = pmsfc("invert", *folders, *SHORT, "--json", "--out", run)
    assert code == 0, err
    rows = rows_of(run)
    assert sorted(rows) == ["x", "x-2"]
    for name, folder in zip(("x", "x-2"), folders, strict=True):
        assert rows[name]["source"] == str(folder / "x.png")
        assert rows[name]["source_sha256"] == sha256(folder / "x.png")
        codes = load_codes(run / "codes" / f"{name}.npz")
        assert (codes.source, codes.source_sha256) == (
            rows[name]["source"], rows[name]["source_sha256"],
        )  # fmt: skip
    images = {e["image"]: e for e in events_of(out) if e["event"] == "image"}
    assert images["x-2"]["source"] == str(folders[1] / "x.png")
    # One of them alone is known by its bytes, and nothing of the other is written again.
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    code, _, err = pmsfc("invert", folders[1], *SHORT, "--out", run)
    assert code == 0, err
    assert "1 image was finished before and is kept" in err
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert {path.name for path in before if after[path] != before[path]} <= {
        "metrics.csv", "report.html", "sheet.png",
    }  # fmt: skip
    assert rows_of(run) == rows


def test_another_v_of_the_same_name_continues_no_old_run(pmsfc, photos, weights_dir, tmp_path):
    """Converted again with other weights, V has its name and is another network."""
    folder = tmp_path / "weights"
    for name in ("plain", "judged"):
        shutil.copytree(weights_dir / name, folder / name)
    words = ("invert", photos / "p0.png", "--generator", "judged", "--method", "single")
    words += ("--steps", "2", "--perceptual-weight", "0.1", "--out", tmp_path / "run")
    code, _, err = pmsfc(*words, "--weights-dir", folder, weights=False)
    assert code == 0, err
    v = json.loads((tmp_path / "run" / "config.json").read_text())["perceptual"]
    assert v["name"] == "judged/discriminator"
    assert len(v["sha256"]) == 64
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["perceptual"]["sha256"] = "0" * 64
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    code, _, err = pmsfc(*words, "--weights-dir", folder, weights=False)
    assert code == 2
    assert "other settings (the weights of --perceptual)" in err


def test_one_writer_a_run(pmsfc, five, tmp_path, monkeypatch):
    """While a run is under way, a second command for its folder is refused."""
    run, codes = tmp_path / "run", []

    def second(*arguments):
        if not codes:
            codes.append(None)
            codes.append(pmsfc("invert", five, *SHORT, "--out", run)[::2])
        return advance(*arguments)

    monkeypatch.setattr(run_batch, "advance", second)
    code, _, err = pmsfc("invert", five, *SHORT, "--out", run)
    assert code == 0, err
    assert codes[1][0] == 2
    assert "is in use by" in codes[1][1]


def test_overwrite_leaves_no_stale_picture(pmsfc, five, tmp_path):
    run = tmp_path / "run"
    assert pmsfc("invert", five, *SHORT, "--out", run)[0] == 0
    assert pmsfc("render", run)[0] == 0
    words = ("invert", five / "p0.png", *SHORT, "--seed", "1", "--overwrite", "--out", run)
    assert pmsfc(*words)[0] == 0
    for folder in ("codes", "targets", "images"):
        assert [path.stem for path in (run / folder).iterdir()] == ["p0"]
    assert not list(run.glob("rendered/*"))
    assert list(rows_of(run)) == ["p0"]


def test_notices_are_summed_up_or_listed(pmsfc, photos, tmp_path):
    code, _, err = pmsfc("invert", photos, *SHORT, "--out", tmp_path / "a")
    assert code == 0, err
    assert "2 cropped to squares, 2 reduced to the generator's size (--verbose lists them)" in err
    code, _, err = pmsfc("invert", photos, *SHORT, "--verbose", "--out", tmp_path / "b")
    assert code == 0, err
    assert "p1: its centre was cut out, 30x30 of 30x40 pixels" in err
    code, _, err = pmsfc("invert", photos, *SHORT, "--crop", "stretch", "--out", tmp_path / "a")
    assert code == 2
    assert "other settings (--crop)" in err
