import errno
import os
from pathlib import Path

import pytest

from pmsfc_jax.io.paths import os_reason, shown, unique_stems


def test_names_are_stems_without_the_last_suffix():
    assert unique_stems(["a/x.jpg", Path("b/y.tar.png"), "z"]) == ["x", "y.tar", "z"]


def test_names_never_collide_and_the_first_keeps_its_own():
    assert unique_stems(["a/x.jpg", "b/x.png", "x.gif"]) == ["x", "x-2", "x-3"]


def test_a_number_that_is_anothers_own_name_is_passed_over():
    assert unique_stems(["x.jpg", "x.png", "x-2.png"]) == ["x", "x-3", "x-2"]
    assert unique_stems(["x-2.png", "x.jpg", "x.png"]) == ["x-2", "x", "x-3"]


def test_names_differ_on_file_systems_that_ignore_case():
    assert unique_stems(["X.jpg", "x.png"]) == ["X", "x-2"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("what?.jpg", "what_"),
        ("two\nlines.jpg", "two_lines"),
        ("d/...jpg", "image"),
        (".jpg", "jpg"),
        (os.fsdecode(b"caf\xe9.jpg"), "caf_"),
        ("cafe\u0301.jpg", "caf\u00e9"),
        ("a b.jpg", "a b"),
    ],
)
def test_names_are_safe_for_any_file_system(path, name):
    assert unique_stems([path]) == [name]


def test_a_long_name_is_cut_within_a_character():
    (name,) = unique_stems(["\u00e9" * 100 + ".jpg"])
    assert name == "\u00e9" * 60
    assert unique_stems(["\u00e9" * 100 + ".jpg"] * 2)[1] == "\u00e9" * 60 + "-2"


def test_paths_are_shown_on_one_line_of_printable_text():
    assert shown("a\nb\x1b[31m.jpg") == r"a\nb\x1b[31m.jpg"
    shown_name = shown(os.fsdecode(b"caf\xe9.jpg"))
    assert shown_name.encode() == rb"caf\udce9.jpg"
    assert shown("caf\u00e9.jpg") == "caf\u00e9.jpg"


def test_os_errors_are_told_in_words():
    assert os_reason(OSError(errno.ENOSPC, "No space left on device")) == "the disk is full"
    assert os_reason(OSError(errno.EIO, "Input/output error")) == "Input/output error"
    assert os_reason(OSError()) == "OSError"
