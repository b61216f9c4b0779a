"""The one exception that means "the input is wrong", as opposed to "the program is wrong"."""


class InputError(ValueError):
    """What a user gave cannot be used.

    The message is one line that says what was wrong, what was expected and what to do. The
    command line prints it without a traceback and exits with code 2; library callers can catch it
    as a `ValueError`.
    """
