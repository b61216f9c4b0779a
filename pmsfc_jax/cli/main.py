"""The console script ``pmsfc``: find the command, run it, turn mistakes into one line."""

import importlib
import os
import sys
from collections.abc import Sequence

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.version import __version__

COMMANDS = {
    "invert": "find the codes of photographs and redraw them",
    "render": "draw images again from saved codes",
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
    *(f"  {name:<10}{text}" for name, text in COMMANDS.items()),
    "",
    "  --version prints the version",
])  # fmt: skip
#: Exit code for a user's mistake, as of argument parsers.
EXIT_INPUT_ERROR = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0, or 2 where the input was at fault.

    `pmsfc invert` returns 1 where some photographs were left out or failed; it and `pmsfc train`
    return 130 where they were asked to stop.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0 if arguments else EXIT_INPUT_ERROR
    if arguments[0] == "--version":
        print(__version__)
        return 0
    if arguments[0] not in COMMANDS:
        print(f"pmsfc: error: there is no command {arguments[0]!r}\n\n{USAGE}", file=sys.stderr)
        return EXIT_INPUT_ERROR
    return run(arguments[0], arguments[1:])


def run(command: str, arguments: Sequence[str]) -> int:
    """Run the command's module; `InputError` becomes one line and exit code 2."""
    try:
        code = importlib.import_module(f"pmsfc_jax.cli.{command}").main(list(arguments))
        sys.stdout.flush()
    except InputError as error:
        print(f"pmsfc {command}: error: {error}", file=sys.stderr)
        return EXIT_INPUT_ERROR
    except KeyboardInterrupt:
        print(f"pmsfc {command}: interrupted; what was finished is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has gone. Python would complain once more while closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return int(code)
