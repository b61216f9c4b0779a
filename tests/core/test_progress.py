"""Progress in a notebook and in a log file; durations in words."""

import builtins

import pytest

from pmsfc_jax.core import progress
from pmsfc_jax.core.progress import progress_bar
from pmsfc_jax.core.wording import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"), (89, "89 s"), (90, "2 min"), (3500, "58 min"), (3599, "1 h 00 min"),
        (3900, "1 h 05 min"), (47 * 3600, "47 h 00 min"), (51 * 3600, "2 d 3 h"),
    ],
)  # fmt: skip
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


class ZMQInteractiveShell:
    """What notebooks answer with, by name."""


def test_a_notebook_has_one_line_that_is_written_over(capsys, monkeypatch):
    clock = iter([0.0, 2.0, 2.5, 4.0, 6.0, 6.1, 6.2])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(builtins, "get_ipython", ZMQInteractiveShell, raising=False)
    with progress_bar("inversion") as update:
        update(0, 100, "compiling")
        update(10, 100, "too soon")
        update(20, 100, "")
        update(90, 100, "loss 1")
        update(100, 100, "loss 0.5")
        update(100, 100, "the end is said once")
    err = capsys.readouterr().err
    assert err.endswith("\n")
    assert [line.rstrip() for line in err.strip("\r\n").split("\r")] == [
        "inversion: 0%, compiling",
        "inversion: 20%, 12 s left",
        "inversion: 90%, loss 1, 0 s left",
        "inversion: 100%, loss 0.5",
    ]
    # What was longer before is wiped out.
    assert len(err.split("\r")[2]) >= len("inversion: 0%, compiling")


def test_what_is_done_at_once_says_nothing(capsys):
    with progress_bar("inversion") as update:
        update(1, 2, "")
        update(2, 2, "")
    assert capsys.readouterr().err == ""
