"""A report of one page or several, each of bounded size, with links between them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.report import html


def save_pages(
    folder: Path,
    title: str,
    names: Sequence[str],
    parts_of: Callable[[Sequence[str]], list[str]],
    *,
    per_page: int,
    first: Sequence[str] = (),
    last: Sequence[str] = (),
) -> list[Path]:
    """Write ``report.html``, ``report-2.html``, ...; pages of an earlier, longer report go.

    Args:
      folder: where to.
      title: of each page.
      names: of what is reported, in order.
      parts_of: from the names of one page to its parts; called for a page at a time.
      per_page: names of one page.
      first: parts at the beginning of the first page alone.
      last: parts at the end of each page.

    Returns:
      The pages.

    Raises:
      InputError: a page cannot be written.
    """
    groups = [names[start : start + per_page] for start in range(0, len(names), per_page)]
    paths = [folder / _file(number) for number in range(len(groups))]
    links = [
        (f"{number * per_page + 1} to {number * per_page + len(group)}", path.name)
        for number, (group, path) in enumerate(zip(groups, paths, strict=True))
    ]
    for number, (group, path) in enumerate(zip(groups, paths, strict=True)):
        navigation = [html.links(links, number)] if len(groups) > 1 else []
        beginning = first if number == 0 else ()
        parts = [*navigation, *beginning, *parts_of(group), *navigation, *last]
        write_text_atomic(path, html.page(title, parts))
    for old in {folder / _file(0), *folder.glob("report-[0-9]*.html")} - set(paths):
        old.unlink(missing_ok=True)
    return paths


def _file(number: int) -> str:
    return "report.html" if number == 0 else f"report-{number + 1}.html"
