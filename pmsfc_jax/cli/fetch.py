"""``pmsfc fetch``: download published weights, verify them, and convert them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from pmsfc_jax.cli.console import notice, progress_bar, table
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.parsing import Switch, given, parse
from pmsfc_jax.core.errors import InputError

if TYPE_CHECKING:
    from pmsfc_jax.cli.conversion import Wanted


@dataclass
class Options:
    """Download published weights from where their authors put them, verify and convert them."""

    names: Annotated[tyro.conf.Positional[tuple[str, ...]], given("NAME ...", "none")] = ()
    """What to fetch; --list shows what there is."""
    list: Switch = False
    """Show what can be fetched: family, resolution, licence, from where, and by which checksum."""
    weights_dir: Annotated[
        Path | None, given("FOLDER", "the first of PMSFC_WEIGHTS, else ./ported_weights")
    ] = None
    """Where to put the weights."""
    accept_licence: Switch = False
    """Accept a licence that forbids commercial use."""
    samples: Annotated[int | None, given("INT", "16, or 4 of large images")] = None
    """How many samples of a generator to draw on a sheet; 0 for none."""
    overwrite: Switch = False
    """Replace weights of the same name."""
    json: Switch = False
    """Print the manifest alone to stdout, as JSON, and the rest to stderr; with --list, one JSON
    object a line: published for each name, and done."""


def main(argv: Sequence[str]) -> int:
    """List the catalogue, or fetch what is named, one after the other."""
    options = parse(Options, "fetch", argv)
    from pmsfc_jax.cli.conversion import Wanted
    from pmsfc_jax.weights.fetch.catalogue import published

    if options.list:
        _tell_catalogue(Events(options.json))
        return 0
    if not options.names:
        raise InputError("say what to fetch; `pmsfc fetch --list` shows what there is")
    for name in options.names:
        published(name)
    for name in options.names:
        wanted = Wanted(
            name=name,
            weights_dir=options.weights_dir,
            overwrite=options.overwrite,
            samples=options.samples,
            json=options.json,
        )
        run(name, wanted, accepted=options.accept_licence)
    return 0


def run(published_name: str, wanted: "Wanted", *, accepted: bool) -> None:
    """Fetch one published file and convert it as ``wanted``, whose source is still open."""
    from pmsfc_jax.cli.conversion import convert
    from pmsfc_jax.weights.fetch.catalogue import published
    from pmsfc_jax.weights.fetch.download import fetch
    from pmsfc_jax.weights.store.folder import check_replaceable
    from pmsfc_jax.weights.store.search import default_weights_dir

    file = published(published_name)
    folder = wanted.weights_dir or default_weights_dir()
    check_replaceable(folder / wanted.name, overwrite=wanted.overwrite)
    notice(f"{published_name}: {file.what}\nlicence: {file.licence}")
    if file.restricted and not accepted:
        raise InputError(
            f"the licence of {published_name} ({file.licence}) forbids commercial use; add "
            "--accept-licence if that is in order"
        )
    notice(f"fetching {file.requirement or file.address}")
    with progress_bar("download") as update:
        path = fetch(
            published_name,
            folder / "downloads",
            on_progress=lambda done, total: update(done, total or done),
            on_notice=notice,
        )
    facts = {**file.facts, **wanted.facts}
    convert(wanted._replace(source=path, facts=facts, licence=file.licence, address=file.address))


def _tell_catalogue(events: Events) -> None:
    from pmsfc_jax.weights.fetch.catalogue import PUBLISHED, checksum_text

    if events.wanted:
        for name, file in PUBLISHED.items():
            events.tell("published", name=name, **file._asdict())
        events.tell("done", exit_code=0)
        return
    rows = [
        [
            name,
            file.family,
            f"{file.side}x{file.side}" if file.side else "judges",
            file.size,
            file.licence + (" (no commercial use)" if file.restricted else ""),
            file.what,
        ]
        for name, file in PUBLISHED.items()
    ]
    header = ["name", "family", "images", "size", "licence", "what"]
    print(table(header, rows, left=len(header)))
    print("\nfrom:")
    for name, file in PUBLISHED.items():
        print(f"{name}: {file.address}\n    {checksum_text(file)}")
