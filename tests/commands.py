"""The commands that documents, helps and messages show, and their parsing by the real parser."""

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pmsfc_jax.cli import actions
from pmsfc_jax.cli.main import COMMANDS
from pmsfc_jax.cli.parsing import parse
from pmsfc_jax.core.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    *(
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md")
    ),
    *sorted((ROOT / "docs").glob("*.md")),
]
#: What scripts hand on to the commands.
_SCRIPTS = {"convert_weights.py": "convert", "train_prior.py": "train"}


class Shown(NamedTuple):
    """A command as it stands somewhere.

    Attributes:
      place: the file that shows it.
      text: as it stands.
      words: behind ``pmsfc``.
      whole: whether it is to be typed as it stands; else it may be a part of a command.

    """

    place: str
    text: str
    words: list[str]
    whole: bool


def actions_of(command: str) -> list[str]:
    """The actions of a command that has several, such as ``swap`` of ``edit``."""
    module = importlib.import_module(f"pmsfc_jax.cli.{command}")
    return list(getattr(module, "ACTIONS", ()))


def in_documents() -> list[Shown]:
    """What the documents show, in blocks and in sentences."""
    found = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        place = str(path.relative_to(ROOT))
        blocks, prose = _blocks_and_prose(text)
        found += [_shown(place, line, whole=True) for line in _lines(blocks)]
        found += [_shown(place, part, whole=False) for part in _inline(prose)]
    return found


def in_sources() -> list[Shown]:
    """What helps, messages and comments of the package show."""
    found = []
    for path in sorted((ROOT / "pmsfc_jax").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        # What is put in at run time stands for a word.
        text = re.sub(r"\{[^{}`]*\}", "x", re.sub(r'"\n\s*f?"', "", text))
        place = str(path.relative_to(ROOT))
        found += [_shown(place, part, whole=False) for part in _inline(text)]
    return found


def parsed(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The options that the command's own parser gives.

    Raises:
      InputError: it refuses the words.

    """
    command, *words = shown.words
    if command not in COMMANDS:
        raise InputError(f"there is no command {command}")
    module = importlib.import_module(f"pmsfc_jax.cli.{command}")
    if words and words[0].startswith("--"):
        words = [*actions_of(command)[:1], *words]
    given = []

    class Enough(Exception):
        pass

    def only_parse(*arguments: Any) -> Any:
        given.append(parse(*arguments))
        raise Enough

    with monkeypatch.context() as patch:
        # Commands of several actions are parsed in one place.
        patch.setattr(module if hasattr(module, "parse") else actions, "parse", only_parse)
        with pytest.raises(Enough):
            module.main(words)
    return given[0]


def _blocks_and_prose(text: str) -> tuple[str, str]:
    blocks, prose = [], []
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            blocks.append(line)
        else:
            prose.append(line)
    return "\n".join(blocks), "\n".join(prose)


def _lines(blocks: str) -> Iterator[str]:
    """Each command of the blocks, over continued lines."""
    scripts = "|".join(map(re.escape, _SCRIPTS))
    pattern = rf"(?:^|&& |srun )(?:pmsfc (?=[a-z])|python scripts/(?={scripts}))(.*)"
    for line in blocks.replace("\\\n", " ").splitlines():
        if found := re.search(pattern, line.strip()):
            yield found[1]


def _inline(prose: str) -> Iterator[str]:
    """Commands in backquotes, with an option or a word at least."""
    for found in re.finditer(r"`pmsfc ([a-z]+ [^`]+)`", prose):
        yield found[1]


def _shown(place: str, text: str, *, whole: bool) -> Shown:
    words = shlex.split(text, comments=True)
    words[0] = _SCRIPTS.get(words[0], words[0])
    whole = whole and "..." not in words
    return Shown(place, text, [word for word in words if word != "..."], whole)
