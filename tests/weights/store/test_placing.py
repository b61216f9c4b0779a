"""Killed at any moment, a folder is the old one or the new one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.store.placing import place, settled, temporary_sibling

ROOT = Path(__file__).parents[3]
# Counts the calls that change the disk and dies at one of them, without any clean-up.
KILLED = """
import os, pathlib, shutil, sys
parent, death = pathlib.Path(sys.argv[1]), int(sys.argv[2])
calls = 0
def mortal(function):
    def call(*args, **kwargs):
        global calls
        if calls == death:
            os._exit(9)
        calls += 1
        return function(*args, **kwargs)
    return call
os.rename = mortal(os.rename)
os.unlink = mortal(os.unlink)
os.rmdir = mortal(os.rmdir)
from pmsfc_jax.weights.store.placing import place
place(parent / "finished", parent / "weights", replace=True)
"""


def make(path, content):
    path.mkdir(parents=True)
    (path / "a").write_text(content)
    (path / "b").write_text(content)
    return path


def content(folder):
    return {(folder / name).read_text() for name in ("a", "b")}


def killed(parent, death):
    command = [sys.executable, "-c", KILLED, str(parent), str(death)]
    return subprocess.run(command, cwd=ROOT, timeout=60).returncode


def test_killed_at_every_step(tmp_path):
    death, seen = 0, []
    while True:
        parent = tmp_path / str(death)
        make(parent / "weights", "old")
        make(parent / "finished", "new")
        code = killed(parent, death)
        now = content(settled(parent / "weights"))
        assert now in ({"old"}, {"new"})
        seen.append(now)
        # The next one, not killed, finds its way from there.
        place(make(parent / "next", "next"), parent / "weights", replace=True)
        assert content(parent / "weights") == {"next"}
        assert not (parent / ".weights.replaced").exists()
        if code == 0:
            break
        assert code == 9
        death += 1
    assert death >= 3
    assert {"old"} in seen
    assert seen[-1] == {"new"}


def test_a_killed_replacement_is_not_taken_for_free_space(tmp_path):
    make(tmp_path / ".weights.replaced", "old")
    with pytest.raises(InputError, match="already exists"):
        place(make(tmp_path / "finished", "new"), tmp_path / "weights", replace=False)
    assert content(tmp_path / "weights") == {"old"}


def test_a_failed_rename_puts_the_old_one_back(tmp_path, monkeypatch):
    make(tmp_path / "weights", "old")
    finished = make(tmp_path / "finished", "new")
    rename = os.rename

    def failing(source, target):
        if Path(source) == finished:
            raise PermissionError
        rename(source, target)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(PermissionError):
        place(finished, tmp_path / "weights", replace=True)
    assert content(tmp_path / "weights") == {"old"}


def test_temporary_names_are_hidden_short_and_fresh(tmp_path):
    names = {temporary_sibling(tmp_path / ("x" * 240)).name for _ in range(50)}
    assert len(names) == 50
    assert all(name.startswith(".") and len(name) < 100 for name in names)
