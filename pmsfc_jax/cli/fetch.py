"""``pmsfc fetch``: download published weights, verify them, and convert them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from pmsfc_jax.cli.console import notice, progress_bar, table
from pmsfc_jax.cli.parsing import parse
from pmsfc_jax.core.errors import InputError


@dataclass
class Options:
    """Download published weights from where their authors put them, verify and convert them."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """What to fetch; --list shows what there is."""
    list: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Show what can be fetched: family, resolution, licence, and from where."""
    weights_dir: Path | None = None
    """Where to put the weights; else the first folder of PMSFC_WEIGHTS, else ./ported_weights."""
    accept_licence: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Accept a licence that forbids commercial use."""
    samples: int | None = None
    """How many samples to draw on a sheet, 0 for none; by default 16, or 4 of large images."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace weights of the same name."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print the manifest alone to stdout, as JSON, and the rest to stderr."""


def main(argv: Sequence[str]) -> int:
    """List the catalogue, or fetch what is named, one after the other."""
    options = parse(Options, "fetch", argv)
    from pmsfc_jax.weights.fetch.catalogue import published

    if options.list:
        print(_catalogue())
        return 0
    if not options.names:
        raise InputError("say what to fetch; `pmsfc fetch --list` shows what there is")
    for name in options.names:
        published(name)
    for name in options.names:
        run(
            name,
            None,
            options.weights_dir,
            None,
            options.overwrite,
            {},
            options.samples,
            json=options.json,
            accepted=options.accept_licence,
        )
    return 0


def run(
    published_name: str,
    name: str | None,
    weights_dir: Path | None,
    which: str | None,
    overwrite: bool,
    facts: dict[str, Any],
    samples: int | None,
    *,
    json: bool,
    accepted: bool,
) -> int:
    """Fetch one published file and convert it; its name is the published one unless given."""
    from pmsfc_jax.cli.conversion import Wanted, convert
    from pmsfc_jax.weights.fetch.catalogue import published
    from pmsfc_jax.weights.fetch.download import fetch
    from pmsfc_jax.weights.store.folder import check_replaceable
    from pmsfc_jax.weights.store.search import default_weights_dir

    wanted = published(published_name)
    folder = weights_dir or default_weights_dir()
    check_replaceable(folder / (name or published_name), overwrite=overwrite)
    notice(f"{published_name}: {wanted.what}\nlicence: {wanted.licence}")
    if wanted.restricted and not accepted:
        raise InputError(
            f"the licence of {published_name} ({wanted.licence}) forbids commercial use; add "
            "--accept-licence if that is in order"
        )
    notice(f"fetching {wanted.requirement or wanted.address}")
    with progress_bar("download") as update:
        path = fetch(
            published_name,
            folder / "downloads",
            on_progress=lambda done, total: update(done, total or done, ""),
        )
    convert(
        Wanted(
            path,
            name or published_name,
            weights_dir,
            which,
            overwrite,
            {**wanted.facts, **facts},
            samples,
            json,
            licence=wanted.licence,
            address=wanted.address,
        )
    )
    return 0


def _catalogue() -> str:
    from pmsfc_jax.weights.fetch.catalogue import PUBLISHED

    rows = [
        [
            name,
            file.family,
            f"{file.side}x{file.side}" if file.side else "judges",
            file.licence + (" (no commercial use)" if file.restricted else ""),
            file.what,
        ]
        for name, file in PUBLISHED.items()
    ]
    text = table(["name", "family", "images", "licence", "what"], rows, left=5)
    places = "\n".join(f"{name}: {file.address}" for name, file in PUBLISHED.items())
    return f"{text}\n\nfrom:\n{places}"
