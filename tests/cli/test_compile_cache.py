"""The folder of compiled programs: where it is, when there is none, and what is thrown away."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pmsfc_jax.cli import compile_cache
from pmsfc_jax.cli.compile_cache import cache_folder

#: A program as a user's: it switches the cache on and compiles something that takes a while.
PROGRAM = """
import sys, warnings
warnings.simplefilter("error")
from pmsfc_jax.cli import compile_cache
compile_cache._LEAST_SECONDS = 0.0
folder = compile_cache.use_compilation_cache()
print(folder)
import jax, jax.numpy as jnp
for word in sys.argv[1:]:
    if word == "vanish":
        folder.rmdir()
        folder.write_text("in the way")
print(jax.jit(lambda x: jnp.sin(x) @ x)(jnp.ones((8, 8))).sum())
"""


@pytest.fixture
def environment(monkeypatch, tmp_path):
    for name in ("PMSFC_CACHE", "XDG_CACHE_HOME", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return monkeypatch


def run(*words):
    path = ":".join([str(Path(__file__).resolve().parents[2]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have other places")
def test_the_place(environment, tmp_path):
    name = cache_folder().name
    assert name.startswith("jit-")
    assert cache_folder() == tmp_path / "home" / ".cache" / "pmsfc_jax" / name
    environment.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "pmsfc_jax" / name
    environment.setenv("PMSFC_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine" / name
    environment.setenv("PMSFC_CACHE", "off")
    assert cache_folder() is None


def test_another_kind_of_machine_has_another_folder(environment):
    here = cache_folder()
    environment.setattr(compile_cache.platform, "machine", lambda: "another")
    assert cache_folder() != here


def test_programs_are_kept_and_found_again(environment, tmp_path):
    environment.setenv("PMSFC_CACHE", str(tmp_path / "cache"))
    folder, value = run()
    kept = {p.name: p.stat().st_mtime_ns for p in Path(folder).glob("*-cache")}
    assert kept
    assert Path(folder).stat().st_mode & 0o077 == 0
    assert run() == [folder, value]
    assert {p.name: p.stat().st_mtime_ns for p in Path(folder).glob("*-cache")} == kept


def test_a_folder_that_cannot_be_made_is_no_cache_and_no_word(environment, tmp_path):
    (tmp_path / "file").write_text("precious")
    environment.setenv("PMSFC_CACHE", str(tmp_path / "file"))
    assert run()[0] == "None"


def test_a_folder_that_stops_working_costs_nothing_but_time(environment, tmp_path):
    environment.setenv("PMSFC_CACHE", str(tmp_path / "cache"))
    folder, value = run("vanish")
    assert Path(folder).read_text() == "in the way"
    assert float(value) > 0


def test_a_damaged_program_is_compiled_anew(environment, tmp_path):
    environment.setenv("PMSFC_CACHE", str(tmp_path / "cache"))
    folder, value = run()
    for path in Path(folder).glob("*-cache"):
        path.write_bytes(path.read_bytes()[:50])
    assert run() == [folder, value]


def test_jax_s_own_setting_goes_before(environment, tmp_path):
    environment.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "theirs"))
    assert compile_cache.use_compilation_cache() is None
    assert not (tmp_path / "home").exists()


def test_the_oldest_programs_go_first(tmp_path):
    for i in range(5):
        (tmp_path / f"{i}-cache").write_bytes(bytes(100))
        os.utime(tmp_path / f"{i}-cache", (1000 - i, 1000 - i))
    compile_cache._prune(tmp_path, most=250)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0-cache", "1-cache"]
    compile_cache._prune(tmp_path / "nowhere")
