"""Commands that are shown anywhere are understood by the parser, and do what they say."""

import re
import shutil

import pytest

from pmsfc_jax.cli.main import main
from pmsfc_jax.core.errors import InputError

from .commands import ROOT, in_documents, in_sources, parsed

#: In sentences a command may be a part, and capital letters stand for a number or a choice.
_PART = re.compile(r"(is|are) missing \(| takes a value: none is given| is '[A-Z/,]+': ")
#: Commands that are not run, and why.
_NOT_RUN = {
    r"\$SLURM|--distributed": "it takes a cluster",
    r"merge RUN1 RUN2": "it takes two machines",
    r"fetch (?!--list)|faces64|runs/faces|vgg16": "it downloads, or needs what was downloaded",
    r"--generator NAME": "a name of one's own",
    r"labels\.csv|smile\.npy|mask\.png": "labels, directions and masks of one's own",
    r"\bCARD\b|card.json": "it takes notes of one's own",
    r"--resolution 64": "it is for accelerators, and for days",
    r"^restore |--task super4": "photographs that have lost something, or minutes",
}
#: What makes each command short.
_SHORTER = {
    "convert": ["--samples", "4"],
    "directions find": ["--num-samples", "40", "--num", "2"],
    "discover": ["--num-samples", "64", "--num-pairs", "2", "--num-random", "1"],
    "evaluate": ["--methods", "single", "--steps", "10"],
    "invert": ["--method", "single", "--steps", "10"],
    "parts": ["--num-samples", "16"],
    "sample": ["--num", "4"],
    "train": ["--total-images", "32", "--stage-images", "8", "--fade-images", "4", "--overwrite"],
}
#: Exit codes other than 0, and why.
_CODES = {"merge RUN": 1}  # six of the eight shares were not started
_SMALL_TRAINING = ["--resolution", "16", "--widths", "8", "8", "8", "--latent-dim", "8"]
_SHOWN = in_documents()


def test_every_command_that_is_shown_is_understood(monkeypatch):
    shown = [*_SHOWN, *in_sources()]
    assert len(shown) > 40, "the commands are not found any more"
    faults = []
    for each in shown:
        try:
            parsed(each, monkeypatch)
        except InputError as error:
            if each.whole or not _PART.search(str(error)):
                faults.append(f"{each.place}: pmsfc {each.text}: {error}")
    assert not faults, "\n".join(faults)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder in which there is what the documents speak of."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for name in ("PHOTOGRAPHS", "photographs", "FOLDER"):
        (tmp_path / name).mkdir()
        for number in range(3):
            shutil.copy(ROOT / "examples" / f"sample{number}.png", tmp_path / name)
    shutil.copy(ROOT / "examples" / "sample0.png", tmp_path / "a_photograph.jpg")
    shutil.copy(ROOT / "tests" / "golden" / "pggan_tiny.pth", tmp_path / "checkpoint.pth")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PMSFC_CACHE", str(tmp_path / "compiled"))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("place", sorted({shown.place for shown in _SHOWN}))
def test_the_commands_of_a_document_do_what_they_say(desk, monkeypatch, place):
    run, told = set(), []
    for shown in _SHOWN:
        line = " ".join(shown.words)
        if shown.place != place or line in run:
            continue
        run.add(line)
        why = [why for pattern, why in _NOT_RUN.items() if re.search(pattern, line)]
        try:
            parsed(shown, monkeypatch)
        except InputError as error:
            why.append(f"a part of a command: {error}")
        if why:
            told.append(f"pmsfc {line}: not run, {why[0]}")
            continue
        shorter = _SHORTER.get(shown.words[0], _SHORTER.get(" ".join(shown.words[:2]), []))
        if shown.words[0] == "train" and "--start-from" not in line:
            shorter = [*shorter, *_SMALL_TRAINING]
        assert main([*shown.words, *shorter]) == _CODES.get(line, 0), line
        told.append(f"pmsfc {line}: done")
    print("\n".join(told))
