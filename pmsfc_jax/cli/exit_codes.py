"""What exit codes mean."""

#: Some photographs were left out or failed.
EXIT_INCOMPLETE = 1
#: A user's mistake, as of argument parsers, or a disk that cannot be written to.
EXIT_INPUT_ERROR = 2
#: Stopped by Ctrl-C or SIGTERM.
EXIT_INTERRUPTED = 130
