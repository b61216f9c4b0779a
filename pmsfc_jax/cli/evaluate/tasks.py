"""The words of ``--task``; knows no jax. Another task is a file beside this one and a line here."""

from difflib import get_close_matches
from typing import NamedTuple

from pmsfc_jax.core.errors import InputError

#: Columns of `pmsfc_jax.evaluation.restoration.columns`.
_LOSSES = (
    *("colour", "super2", "super4", "super8", "hole", "missing90", "strokes"),
    *("noise15", "noise25", "noise50", "blur", "jpeg10", "jpeg30", "super2_noise15"),
)


class Kind(NamedTuple):
    """Tasks that are compared in one table.

    Attributes:
      module: in this folder, with ``run(options, argv) -> exit code``.
      words: of ``--task``.

    """

    module: str
    words: tuple[str, ...]


KINDS = (
    Kind("inversion", ("invert",)),
    Kind("restoration", _LOSSES),
    Kind("editing", ("edit",)),
)


def kind_of(words: tuple[str, ...]) -> Kind:
    """The kind that all ``words`` are of.

    Raises:
      InputError: one is unknown, or they are of several kinds, or one comes twice.

    """
    known = [word for kind in KINDS for word in kind.words]
    for word in words:
        if word not in known:
            near = get_close_matches(word, known, n=1)
            raise InputError(
                f"--task {word} is unknown{f', did you mean {near[0]}?' if near else ''}: choose "
                f"among {', '.join(known)}"
            )
    found = [kind for kind in KINDS if set(words) & set(kind.words)]
    if len(found) != 1 or len(set(words)) != len(words):
        raise InputError(
            f"--task {' '.join(words)}: give words of one table, each once: "
            + "; or ".join(", ".join(kind.words) for kind in KINDS)
        )
    return found[0]
