"""Values from a file: how messages quote them, and how they are compared with text."""


def show(value: object) -> str:
    """Quote something that stands in a file: one line, printable, short.

    Only text and numbers are quoted: the repr of a list that holds itself many times over may
    never end.
    """
    if isinstance(value, str | bytes):
        return repr(value if len(value) <= 80 else value[:77]) + "..." * (len(value) > 80)
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return f"a value of type {type(value).__name__}"


def show_shape(shape: tuple[int, ...]) -> str:
    """Write a shape the way its codebase prints it."""
    return "[" + ", ".join(str(size) for size in shape) + "]"


def is_one_of(value: object, *texts: str) -> bool:
    """Tell whether a value from a file is one of some texts; an array is not asked."""
    return type(value) is str and value in texts
