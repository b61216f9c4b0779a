import errno
import os
import stat
from pathlib import Path

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import remove_leftovers, write_bytes_atomic, write_text_atomic
from pmsfc_jax.io.processes import mark


def test_content_is_written_and_replaced(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes_atomic(path, b"one")
    assert path.read_bytes() == b"one"
    write_bytes_atomic(str(path), b"two\r\n")
    assert path.read_bytes() == b"two\r\n"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_text_is_utf8_with_its_own_line_ends(tmp_path):
    path = tmp_path / "a.txt"
    write_text_atomic(path, "é\n" + os.fsdecode(b"\xe9"))
    assert path.read_bytes() == "é\n".encode() + rb"\udce9"


def test_permissions_follow_the_umask(tmp_path):
    path = tmp_path / "a"
    before = os.umask(0o027)
    try:
        write_bytes_atomic(path, b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "real" / "file.txt")
    write_text_atomic(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "real" / "file.txt").read_text() == "new"


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "permission denied")]
)
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, failing, code, words
):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(InputError, match=rf"^cannot write .*a\.txt: {words}; [^\n]*$"):
        write_text_atomic(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_interruption_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text_atomic(tmp_path / "a.txt", "new")
    assert os.listdir(tmp_path) == []


def test_the_old_file_is_whole_until_the_new_one_is(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("old")
    seen = []
    replace = os.replace

    def look_then_replace(source, target):
        with open(source, "rb") as file:
            seen.append((path.read_text(), file.read()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look_then_replace)
    write_text_atomic(path, "new")
    assert seen == [("old", b"new")]


def test_what_cannot_be_written_to_is_said(tmp_path):
    with pytest.raises(InputError, match=r"the folder .*absent does not exist"):
        write_text_atomic(tmp_path / "absent" / "a.txt", "")
    with pytest.raises(InputError, match="it is a folder"):
        write_text_atomic(tmp_path, "")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a part of its path is a file"):
        write_text_atomic(tmp_path / "file" / "a.txt", "")
    with pytest.raises(InputError, match="its name is too long"):
        write_text_atomic(tmp_path / ("x" * 300), "")
    assert os.listdir(tmp_path) == ["file"]


def test_a_pipe_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="a device"):
        write_text_atomic(pipe, "")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs the device that is always full")
def test_devices_are_refused():
    with pytest.raises(InputError, match="a device"):
        write_text_atomic("/dev/full", "")


def test_only_files_that_no_living_process_writes_are_leftovers(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    digits, own = mark().split("-")
    kept = [
        f".a.png.{digits}-{os.getppid()}.0123.tmp",
        ".a.png.00000000-5.0123.tmp",  # of another machine
        ".a.png.0123.tmp",
        ".swap.tmp",
        "a.tmp",
        ".a..x-y.0.tmp",
    ]
    gone = [f".a.png.{digits}-{own}.0123.tmp", f"deep/.b.{digits}-4194305.0123.tmp"]
    for name in kept + gone:
        (tmp_path / name).touch()

    def cut_short(*_):
        raise SystemExit

    # What a kill in the middle of writing leaves.
    monkeypatch.setattr(os, "replace", cut_short)
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok: None)
    with pytest.raises(SystemExit):
        write_text_atomic(tmp_path / "c.txt", "new")
    monkeypatch.undo()
    assert len(list(tmp_path.rglob("*.tmp"))) == len(kept) + len(gone) + 1
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*.tmp")) == sorted(kept)
