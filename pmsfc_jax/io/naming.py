"""What photographs are called in a run that knows some of them already."""

from collections.abc import Iterable, Mapping, Sequence

from pmsfc_jax.io.paths import unique_stems
from pmsfc_jax.io.photographs import PhotographFile


def names_in_run(
    files: Sequence[PhotographFile],
    rows: Mapping[str, Mapping[str, str]],
    planned: Iterable[tuple[str, str]] = (),
) -> list[PhotographFile]:
    """The photographs by the names that the run has for them; new ones take nobody's name.

    A photograph is known by its bytes: one that was moved or is given without its companions keeps
    its name. One that was changed in its place keeps its name, too, and will be inverted again.

    Args:
      files: the photographs, with names that are unique among them.
      rows: of the run's metrics, by name, with ``source`` and ``source_sha256``.
      planned: ``(name, sha256)`` of photographs that the run has planned and may not have finished.

    Returns:
      ``files`` in their order, each with its name in the run.

    """
    known = [
        (name, row.get("source", ""), row.get("source_sha256", "")) for name, row in rows.items()
    ]
    expected = [(name, "", sha256) for name, sha256 in planned if name not in rows]
    names: dict[int, str] = {}
    taken: set[str] = set()

    def match(entries: list[tuple[str, str, str]], *, source: bool, content: bool) -> None:
        """Give the names of ``entries`` to the photographs that agree in what is asked for."""
        free: dict[tuple[str, str], list[str]] = {}
        for name, path, sha256 in entries:
            if name not in taken:
                key = (path if source else "", sha256 if content else "")
                free.setdefault(key, []).append(name)
        for i, file in enumerate(files):
            key = (file.source if source else "", file.sha256 if content else "")
            if i not in names and (there := free.get(key)):
                names[i] = there.pop(0)
                taken.add(names[i])

    match(known, source=True, content=True)
    match(known, source=False, content=True)
    match(expected, source=False, content=True)
    match(known, source=True, content=False)

    left = [i for i in range(len(files)) if i not in names]
    used = {name.casefold() for name in (*taken, *rows)}
    own = {files[i].name.casefold() for i in left}
    for i in left:
        stem = name = files[i].name
        number = 1
        if name.casefold() in used:
            [name] = [stem] = unique_stems([files[i].path])
        while name.casefold() in used or (number > 1 and name.casefold() in own):
            number += 1
            name = f"{stem}-{number}"
        used.add(name.casefold())
        names[i] = name
    return [file._replace(name=names[i]) for i, file in enumerate(files)]
