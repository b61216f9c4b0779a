"""``pmsfc edit``: exchange, mix, morph and move what subspaces draw."""

from collections.abc import Sequence

from pmsfc_jax.cli.edit.options import ACTIONS, Options
from pmsfc_jax.cli.parsing import parse
from pmsfc_jax.core.errors import InputError

_WHAT = {
    "swap": "give pictures the subspaces of other pictures",
    "mix": "give pictures a share of them",
    "morph": "let a picture become another one",
    "move": "move pictures along directions",
}
USAGE = "\n".join([
    "usage: pmsfc edit ACTION ...   (pmsfc edit ACTION --help tells its options)",
    "",
    *(f"  {name:<8}{text}" for name, text in _WHAT.items()),
])  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Edit, and write what came out."""
    action, *words = argv or [""]
    if action in ("-h", "--help", "help"):
        print(USAGE)
        return 0
    if action not in ACTIONS:
        raise InputError(
            f"{f'there is no edit {action!r}' if action else 'no edit is named'}: choose one of "
            f"{', '.join(ACTIONS)} (pmsfc edit --help)"
        )
    options: Options = parse(ACTIONS[action], f"edit {action}", words)
    # Work imports jax, which alone takes seconds.
    from pmsfc_jax.cli.edit.prepare import prepare
    from pmsfc_jax.cli.edit.work import work

    return work(prepare(options, ["edit", *argv]))
