"""The folder of a run: checked before it is touched, one writer, nothing stale, nothing lost."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.codes import SavedCodes
from pmsfc_jax.io.images import save_png
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.runs import RunFolder

ENVIRONMENT = {"jax": "0"}
SETTINGS = {"seed": 1, "inversion": {"num_steps": 3, "layer": 4}}
OTHER = {"seed": 1, "inversion": {"num_steps": 4, "layer": 4}}
PICTURE = np.zeros((4, 4, 3), np.uint8)
PHOTOGRAPH = PhotographFile(Path("a.jpg"), "a", "ab" * 32)


def codes():
    return SavedCodes(
        latent=np.zeros((1, 2, 3, 5), np.float32),
        w=np.zeros((1, 2, 3, 4), np.float32),
        context=(),
        masks=np.array([[1, 0, 1, 0], [0, 1, 0, 1]], np.float32),
        losses=np.zeros((1, 3), np.float32),
        layer=4,
        composition="pmsfc",
        precision="default",
        generator="mine",
        identity="",
    )


def opened(path, settings=SETTINGS, **options):
    return RunFolder.open(path, settings, environment=ENVIRONMENT, **options)


def fill(run):
    """Write all that a finished run may have."""
    run.save_image("a", PICTURE, PICTURE, codes())
    row = {"image": "a", "source": PHOTOGRAPH.source, "source_sha256": PHOTOGRAPH.sha256}
    run.metrics().add([row])
    run.plan_path.write_text("{}")
    (run.path / "rendered").mkdir(exist_ok=True)
    for name in ("sheet.png", "sheet-2.png", "rendered/a.png"):
        save_png(run.path / name, PICTURE)
    (run.path / "subspaces.npz").touch()
    (run.states_path / "x").mkdir(parents=True)


def contents(path):
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file()
    }


def test_a_run_is_opened_again_with_the_same_settings_only(tmp_path):
    path = tmp_path / "run"
    with opened(path):
        pass
    with RunFolder.open(path, SETTINGS, environment={"jax": "another"}) as run:
        assert run.settings() == SETTINGS | {"environment": ENVIRONMENT, "format": 2}
    with pytest.raises(InputError, match=r"other settings \(num_steps\)"), opened(path, OTHER):
        pass
    with opened(path, OTHER, overwrite=True) as run:
        assert run.settings()["inversion"]["num_steps"] == 4


def test_checking_changes_nothing(tmp_path):
    path = tmp_path / "deep" / "run"
    assert RunFolder.check(path, SETTINGS) is False
    assert os.listdir(tmp_path) == []
    with opened(path) as run:
        fill(run)
    before = contents(path)
    assert RunFolder.check(path, SETTINGS) is True
    with pytest.raises(InputError, match="other settings"):
        RunFolder.check(path, OTHER)
    assert RunFolder.check(path, OTHER, overwrite=True) is False
    assert contents(path) == before
    assert sorted(os.listdir(tmp_path)) == ["deep"]


def test_one_writer(tmp_path):
    with opened(tmp_path / "run"):
        for attempt in (
            lambda: RunFolder.check(tmp_path / "run", SETTINGS),
            opened(tmp_path / "run", OTHER, overwrite=True).__enter__,
        ):
            with pytest.raises(InputError, match=f"in use by process {os.getpid()} "):
                attempt()
    assert not (tmp_path / "run" / ".lock").exists()
    assert RunFolder.check(tmp_path / "run", SETTINGS)


def test_overwriting_leaves_nothing_of_the_old_run_and_all_of_the_user(tmp_path):
    with opened(tmp_path) as run:
        fill(run)
    (tmp_path / "notes.txt").write_text("precious")
    (tmp_path / "images" / "my.jpg").write_text("precious")
    with opened(tmp_path, OTHER, overwrite=True) as run:
        assert not run.is_finished(PHOTOGRAPH, run.metrics())
        assert run.metrics().rows == {}
    assert sorted(contents(tmp_path)) == ["config.json", "images/my.jpg", "notes.txt"]
    assert not run.states_path.exists()
    # With the same settings there is nothing to start anew.
    with opened(tmp_path, OTHER) as run:
        fill(run)
    with opened(tmp_path, OTHER, overwrite=True) as run:
        assert run.is_finished(PHOTOGRAPH, run.metrics())


def test_a_photograph_is_finished_when_its_row_codes_and_pictures_are_there(tmp_path):
    with opened(tmp_path) as run:
        assert not run.is_finished(PHOTOGRAPH, run.metrics())
        fill(run)
        table = run.metrics()
        assert run.is_finished(PHOTOGRAPH, table)
        assert not run.is_finished(PHOTOGRAPH._replace(name="b"), table)
        assert not run.is_finished(PHOTOGRAPH._replace(sha256="cd" * 32), table)
        for path in (run.codes_path("a"), tmp_path / "images/a.png", tmp_path / "targets/a.png"):
            content = path.read_bytes()
            path.unlink()
            assert not run.is_finished(PHOTOGRAPH, table)
            path.write_bytes(content)
        run.codes_path("a").write_bytes(b"PK")
        assert not run.is_finished(PHOTOGRAPH, table)


def test_a_run_of_another_version_is_refused_and_can_be_read(tmp_path):
    with opened(tmp_path) as run:
        fill(run)
    config = json.loads((tmp_path / "config.json").read_text())
    for written, words in ((None, "an earlier"), (1, "an earlier"), (3, "a newer")):
        other = {k: v for k, v in config.items() if k != "format"}
        other |= {} if written is None else {"format": written}
        (tmp_path / "config.json").write_text(json.dumps(other))
        with pytest.raises(InputError, match=f"holds a run of {words} version of pmsfc_jax, which"):
            RunFolder.check(tmp_path, SETTINGS)
        assert RunFolder(tmp_path).names() == ["a"]
        assert RunFolder(tmp_path).settings()["seed"] == 1
    assert RunFolder.check(tmp_path, SETTINGS, overwrite=True) is False


@pytest.mark.parametrize("text", ["{", "[]"])
def test_damaged_settings_are_told(tmp_path, text):
    with opened(tmp_path):
        pass
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match="damaged"):
        RunFolder.check(tmp_path, SETTINGS)


def test_what_is_no_run_is_left_alone(tmp_path):
    (tmp_path / "config.json").write_text('{"of": "another program"}')
    with pytest.raises(InputError, match="of no run"):
        RunFolder.check(tmp_path, SETTINGS, overwrite=True)
    (tmp_path / "config.json").rename(tmp_path / "thesis.txt")
    with pytest.raises(InputError, match="is not empty and holds no run"):
        RunFolder.check(tmp_path, SETTINGS, overwrite=True)


def test_a_folder_in_which_a_start_was_killed_is_used(tmp_path):
    (tmp_path / ".config.json.1-2.3.tmp").touch()
    (tmp_path / ".lock").touch()
    with opened(tmp_path):
        pass


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "file").write_text("a file")
    for path in (tmp_path / "file", tmp_path / "file" / "deep" / "run"):
        with pytest.raises(InputError, match=r"cannot use .* for a run: .*file"):
            RunFolder.check(path, SETTINGS)


def test_a_place_that_may_not_be_written_to_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="for a run: permission denied"):
        RunFolder.check(tmp_path / "run", SETTINGS)
