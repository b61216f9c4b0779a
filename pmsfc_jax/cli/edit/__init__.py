"""``pmsfc edit``: exchange, mix, morph and move what subspaces draw."""

from collections.abc import Sequence

from pmsfc_jax.cli.actions import parse_action
from pmsfc_jax.cli.edit.options import ACTIONS, Options

_WHAT = {
    "swap": "give pictures the subspaces of other pictures",
    "mix": "give pictures a share of them",
    "morph": "let a picture become another one",
    "move": "move pictures along directions",
}


def main(argv: Sequence[str]) -> int:
    """Edit, and write what came out."""
    options: Options | None = parse_action("edit", ACTIONS, _WHAT, argv, called="edit")
    if options is None:
        return 0
    # Work imports jax, which alone takes seconds.
    from pmsfc_jax.cli.edit.prepare import prepare
    from pmsfc_jax.cli.edit.work import work

    return work(prepare(options, ["edit", *argv]))
