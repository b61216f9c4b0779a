"""The console script ``pmsfc``: find the command, run it, turn mistakes into one line."""

from __future__ import annotations

import sys

from pmsfc_jax.cli.exit_codes import EXIT_INPUT_ERROR, EXIT_INTERRUPTED
from pmsfc_jax.cli.output import SafeOutput
from pmsfc_jax.version import __version__

# Imports that --help can do without are where they are needed: it answers at once.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "invert": "find the codes of photographs and redraw them",
    "plan": "estimate how long a folder takes on accelerators",
    "merge": "merge the shares of a run on many machines",
    "restore": "give grey, small, holed, noisy, blurred or compressed photographs back",
    "render": "draw images again from saved codes",
    "edit": "exchange, mix, morph and move what subspaces draw",
    "parts": "find the parts of a generator's pictures",
    "directions": "find directions along which pictures are moved",
    "discover": "find the subspaces of a generator's layer",
    "fetch": "download published weights and convert them",
    "convert": "turn a PyTorch checkpoint into weights for pmsfc_jax",
    "sample": "draw samples of a generator",
    "info": "list weights, or show a generator's layers and parameters",
    "train": "train a generator on a folder of images",
    "evaluate": "compare methods on the same photographs, as a table",
}
USAGE = "\n".join([
    "usage: pmsfc COMMAND ...   (pmsfc COMMAND --help tells its options)",
    "",
    "High-fidelity GAN inversion by prior multi-subspace feature composition.",
    "",
    *(f"  {name:<12}{text}" for name, text in COMMANDS.items()),
    "",
    "  --version prints the version",
])  # fmt: skip
#: Commands whose work is what they print.
_PRINTS = frozenset({"info"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, or 2 where the input was at fault.

    `pmsfc invert`, `pmsfc restore` and `pmsfc evaluate` return 1 where some photographs were left
    out or failed; 130 is an interruption. Where stdout cannot be written to, the work is done
    nevertheless, and the exit code is that of the work; of commands that only print, 2.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    with SafeOutput() as out:
        code = _main(arguments)
        out.flush()
        if out.lost is None or isinstance(out.lost, BrokenPipeError):
            return code
        from pmsfc_jax.io.paths import os_reason

        saved = not (code or arguments[0] in _PRINTS)
        print(
            f"pmsfc: cannot write to stdout: {os_reason(out.lost)}"
            f"{'; all else is done' if saved else ''}",
            file=sys.stderr,
        )
        return code if code or saved else EXIT_INPUT_ERROR


def _main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0 if arguments else EXIT_INPUT_ERROR
    if arguments[0] == "--version":
        print(__version__)
        return 0
    if arguments[0] not in COMMANDS:
        import difflib

        from pmsfc_jax.cli.events import Events

        near = difflib.get_close_matches(arguments[0], COMMANDS, n=1)
        message = f"there is no command {arguments[0]!r}: "
        message += f"did you mean {near[0]}?" if near else "these are the commands:"
        print(f"pmsfc: error: {message}\n\n{USAGE}", file=sys.stderr)
        Events("--json" in arguments).tell(
            "error", message=message.rstrip(":"), exit_code=EXIT_INPUT_ERROR
        )
        return EXIT_INPUT_ERROR
    return run(arguments[0], arguments[1:])


def run(command: str, arguments: Sequence[str]) -> int:
    """Run the command's module; `InputError` becomes one line and exit code 2.

    With ``--json`` an ending that the command does not tell itself is an event, too.
    """
    import importlib

    from pmsfc_jax.cli.events import Events
    from pmsfc_jax.core.errors import InputError

    events = Events("--json" in arguments)
    try:
        return int(importlib.import_module(f"pmsfc_jax.cli.{command}").main(list(arguments)))
    except InputError as error:
        print(f"pmsfc {command}: error: {error}", file=sys.stderr)
        events.tell("error", message=str(error), exit_code=EXIT_INPUT_ERROR)
        return EXIT_INPUT_ERROR
    except KeyboardInterrupt:
        print(f"pmsfc {command}: interrupted; what was finished is kept", file=sys.stderr)
        events.tell("stopped", exit_code=EXIT_INTERRUPTED)
        return EXIT_INTERRUPTED
    except Exception as error:
        events.tell("error", message=f"{type(error).__name__}: {error}", exit_code=1)
        raise
