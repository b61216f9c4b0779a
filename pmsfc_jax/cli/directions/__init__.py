"""``pmsfc directions``: directions along which pictures are moved, found and shown."""

from collections.abc import Sequence

from pmsfc_jax.cli.directions.options import ACTIONS, Find, Options, Train
from pmsfc_jax.cli.parsing import parse
from pmsfc_jax.core.errors import InputError

_WHAT = {
    "find": "find directions without labels",
    "train": "find directions by labels of photographs",
    "show": "show what directions do",
}
USAGE = "\n".join([
    "usage: pmsfc directions ACTION ...   (pmsfc directions ACTION --help tells its options)",
    "",
    *(f"  {name:<8}{text}" for name, text in _WHAT.items()),
])  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Find directions and save them, or show them."""
    action, *words = argv or [""]
    if action in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if action not in ACTIONS:
        raise InputError(
            f"{f'there is no action {action!r}' if action else 'no action is named'}: choose one "
            f"of {', '.join(ACTIONS)} (pmsfc directions --help)"
        )
    options: Options = parse(ACTIONS[action], f"directions {action}", words)
    # Work imports jax, which alone takes seconds.
    from pmsfc_jax.cli.directions import find, show, train

    if isinstance(options, Find):
        return find.work(find.prepare(options))
    if isinstance(options, Train):
        return train.work(train.prepare(options))
    return show.work(show.prepare(options))
