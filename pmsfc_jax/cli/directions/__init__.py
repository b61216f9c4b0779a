"""``pmsfc directions``: directions along which pictures are moved, found and shown."""

from collections.abc import Sequence

from pmsfc_jax.cli.actions import parse_action
from pmsfc_jax.cli.directions.options import ACTIONS, Find, Options, Train

_WHAT = {
    "find": "find directions without labels",
    "train": "find directions by labels of photographs",
    "show": "show what directions do",
}


def main(argv: Sequence[str]) -> int:
    """Find directions and save them, or show them."""
    options: Options | None = parse_action("directions", ACTIONS, _WHAT, argv)
    if options is None:
        return 0
    # Work imports jax, which alone takes seconds.
    from pmsfc_jax.cli.directions import find, show, train

    if isinstance(options, Find):
        return find.work(find.prepare(options))
    if isinstance(options, Train):
        return train.work(train.prepare(options))
    return show.work(show.prepare(options))
