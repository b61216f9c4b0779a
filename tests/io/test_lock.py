"""One writer a folder, and locks that nobody holds any more."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io import lock
from pmsfc_jax.io.lock import check_no_writer, only_writer
from pmsfc_jax.io.processes import host, is_alive

DEAD = 2**22 + 1  # above the largest number that Linux gives a process


def leave(folder, **content):
    (folder / ".lock").write_text(json.dumps(content))


def test_the_file_says_who_writes_and_is_gone_afterwards(tmp_path):
    check_no_writer(tmp_path)
    with only_writer(tmp_path):
        content = json.loads((tmp_path / ".lock").read_text())
        assert content == {"pid": os.getpid(), "host": host()}
        for attempt in (lambda: check_no_writer(tmp_path), only_writer(tmp_path).__enter__):
            with pytest.raises(InputError, match=rf"in use by process {os.getpid()} on .*: wait"):
                attempt()
        assert (tmp_path / ".lock").exists()
    assert os.listdir(tmp_path) == []
    with only_writer(tmp_path):
        pass


@pytest.fixture
def other(tmp_path):
    """Another process that holds the folder."""
    code = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from pmsfc_jax.io.lock import only_writer
        with only_writer(Path({str(tmp_path)!r})):
            print("held", flush=True)
            time.sleep(60)
    """)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_another_process_is_named_and_its_lock_ends_with_it(tmp_path, other):
    words = f"in use by process {other.pid} on {host()}: wait for it, stop it"
    with pytest.raises(InputError) as caught, only_writer(tmp_path):
        pass
    assert words in str(caught.value)
    with pytest.raises(InputError, match="in use by process"):
        check_no_writer(tmp_path)
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert (tmp_path / ".lock").exists()
    check_no_writer(tmp_path)
    with only_writer(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()


def test_a_lock_of_another_machine_is_for_the_user_to_remove(tmp_path):
    leave(tmp_path, pid=5, host="elsewhere")
    for attempt in (lambda: check_no_writer(tmp_path), only_writer(tmp_path).__enter__):
        with pytest.raises(InputError, match=r"process 5 on elsewhere: .* remove .*\.lock if"):
            attempt()
    (tmp_path / ".lock").unlink()
    with only_writer(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "host": "y"}'])
def test_a_lock_that_says_nothing_is_stale(tmp_path, text):
    (tmp_path / ".lock").write_text(text)
    check_no_writer(tmp_path)
    with only_writer(tmp_path):
        pass


def test_without_locks_of_the_system_the_process_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    leave(tmp_path, pid=DEAD, host=host())
    with only_writer(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
    leave(tmp_path, pid=os.getppid(), host=host())
    with pytest.raises(InputError, match=f"process {os.getppid()} on"), only_writer(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_to(tmp_path):
    with pytest.raises(InputError, match="does not exist"), only_writer(tmp_path / "gone"):
        pass


def test_processes_are_told_apart():
    assert is_alive(os.getpid())
    assert is_alive(1)
    assert not is_alive(DEAD)
