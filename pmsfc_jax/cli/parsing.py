"""Parse a command's dataclass of options with tyro: help, defaults as they are, mistakes told.

Options may be grouped in dataclasses of their own, which are groups of the help; names on the
command line are those of the innermost fields.
"""

import dataclasses
import difflib
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stderr
from io import StringIO
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import tyro

from pmsfc_jax.core.errors import InputError

Options = TypeVar("Options")
#: Random keys are made of 32 bits.
LARGEST_SEED = 2**32 - 1
#: A switch that is off unless it is given.
Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")]


def given(metavar: str, default: str, help: str | None = None) -> Any:
    """Describe an option that may be left out: what stands for its value, and what is taken then.

    To be used as ``Annotated[int | None, given("INT", "that of the preset")] = None``. With
    ``help`` the type says what it is for wherever it is used, and needs no words below it.
    """
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=f"(default: {default})", help=help)


def required(metavar: str) -> Any:
    """Describe words that have to be given, which the command checks itself."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="(required)")


def parse(options: type[Options], command: str, argv: Sequence[str]) -> Options:
    """Options from ``argv``. ``--help`` prints and ends the program with `SystemExit`.

    Raises:
      InputError: a mistake in the words, in one line.

    """
    _check_names(options, command, argv)
    told = StringIO()
    try:
        with redirect_stderr(told):
            found = tyro.cli(
                options,
                prog=f"pmsfc {command}",
                args=list(argv),
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.DisallowNone),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        text = _sentence(options, _plain(told.getvalue()))
        raise InputError(f"{text} (pmsfc {command} --help lists the options)") from None
    _check_numbers(found)
    return found


def _check_numbers(options: Any) -> None:
    """Refuse what no option of any command takes: a number that is none, another seed."""
    for name, value in flat(options).items():
        word = f"--{name.replace('_', '-')}"
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float) and math.isnan(number):
                raise InputError(f"{word} is nan: give a number")
        if name == "seed" and not 0 <= value <= LARGEST_SEED:
            raise InputError(f"{word} is {value}: give a whole number from 0 to {LARGEST_SEED}")


def flat(options: Any) -> dict[str, Any]:
    """All options by name, those of groups among them."""
    values: dict[str, Any] = {}
    for entry in dataclasses.fields(options):
        value = getattr(options, entry.name)
        values |= flat(value) if dataclasses.is_dataclass(value) else {entry.name: value}
    return values


def option_names(options: Any) -> set[str]:
    """The words that a class of options knows, ``--steps`` and others."""
    return {word for word, _ in _words(options)}


def _words(options: Any) -> Iterator[tuple[str, Any]]:
    """Each word on the command line, and the type of its value."""
    hints = get_type_hints(options, include_extras=True)
    for entry in dataclasses.fields(options):
        hint = hints[entry.name]
        if dataclasses.is_dataclass(hint):
            yield from _words(hint)
            continue
        about = getattr(hint, "__metadata__", ())
        names = [entry.name]
        for fact in about:
            names += [name for name in [getattr(fact, "name", None)] if isinstance(name, str)]
            names += [alias.lstrip("-") for alias in getattr(fact, "aliases", None) or ()]
        for name in names:
            yield f"--{name.replace('_', '-')}", hint
            if isinstance(entry.default, bool) and tyro.conf.FlagCreatePairsOff not in about:
                yield f"--no-{name.replace('_', '-')}", hint


def _check_names(options: Any, command: str, argv: Sequence[str]) -> None:
    """Tell an option that is not there, and the one that is nearest to it."""
    known = option_names(options) | {"--help"}
    for word in argv:
        name = word.partition("=")[0].replace("_", "-")
        if word == "--":
            return
        if not word.startswith("--") or name in known:
            continue
        hint = _nearest(name, known) or f"pmsfc {command} --help lists the options"
        raise InputError(f"there is no option {word.partition('=')[0]}: {hint}")


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""


def _plain(text: str) -> str:
    """The sentences in tyro's box, in one line. Without Unicode the box is rules of hyphens."""
    lines = [line.strip("│╭╮╰╯ \n") for line in text.splitlines()]
    rules = [bool(re.search("[─-]{4}", line)) for line in lines]
    # Above the first rule there is a title, which may also stand in it.
    start = rules.index(True) + 1 if True in rules else 0
    inside = [line for line, rule in zip(lines[start:], rules[start:], strict=True) if not rule]
    words = " ".join(line for line in inside if line)
    return words.partition("For full helptext")[0].strip().rstrip(".")


def _sentence(options: Any, text: str) -> str:
    """The mistakes that are common in words of our own; others in those of tyro."""
    if found := re.match(r"Missing from .*?: (?P<rest>.*)", text):
        # Each is followed by what it is; its own name comes first.
        each = found["rest"].split("(required)")
        names = dict.fromkeys(words.split()[0] for words in each if words.strip())
        return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} missing"
    if found := re.match(r"Missing value for argument '(?P<name>--[\w-]+)", text):
        return f"{found['name']} takes a value: none is given"
    if found := re.match(r"Unrecognized options: (?P<words>.*)", text):
        return f"there is no place for {found['words']}"
    found = re.match(r"invalid choice '(?P<value>.*?)' for argument '(?P<name>--[\w-]+)", text)
    found = found or re.match(
        r"Error parsing (?P<name>--[\w-]+).*?((from|arguments:) \['|: ')(?P<value>.*?)'(\]| |$)",
        text,
    )
    hint = dict(_words(options)).get(found["name"]) if found else None
    if found is None or hint is None:
        return text
    value = " ".join(found["value"].split("', '"))
    choices = [word for word in _literals(hint) if isinstance(word, str)]
    number = _number(hint)
    if not choices:
        return f"{found['name']} is {value!r}: give {number or 'another value'}"
    near = _nearest(value, choices)
    return (
        f"{found['name']} is {value!r}: "
        f"{f'give {number}, or' if number else 'choose one of'} {', '.join(choices)}"
        f"{f' ({near})' if near else ''}"
    )


def _number(hint: Any) -> str:
    """What kind of number an option takes, in words; empty for one that takes none."""
    types = _types(hint)
    whole = "whole " if int in types else ""
    if not whole and float not in types:
        return ""
    several = any(get_origin(inner) is tuple for inner in types)
    return f"{whole}numbers" if several else f"a {whole}number"


def _types(hint: Any) -> list[Any]:
    """A type and those that it is made of."""
    return [hint, *(inner for part in get_args(hint) for inner in _types(part))]


def _literals(hint: Any) -> list[Any]:
    return [
        word for inner in _types(hint) if get_origin(inner) is Literal for word in get_args(inner)
    ]
