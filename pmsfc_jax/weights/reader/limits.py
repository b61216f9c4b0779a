"""What a checkpoint may ask for, and how the reader says no."""

# What the tree may take in memory, per byte of the file: the file itself once more when every
# array is copied, tied weights counted twice, and room for Python objects. The floor is for small
# files, where the objects outweigh the numbers.
MEMORY_FACTOR = 4
MEMORY_FLOOR = 64 << 20


class Damage(Exception):
    """The bytes cannot be what a codebase wrote. Becomes an `InputError` with the file's name."""

    advice = "the file is damaged or cut short: fetch it again and compare its checksum"


class Hostile(Damage):
    """The file asks for something that no weights need."""

    advice = "nothing of it was run; get the weights from a source you trust"


class Unsuitable(Damage):
    """The file is in order, but not something to read weights from. The message advises."""

    advice = ""


class Budget:
    """Count what a file makes the reader allocate, and stop when it is out of proportion.

    Every Python object, every copy and every array (as if it were copied out, so that a tensor
    stretched over one number by zero strides counts in full) is charged before it is made.
    """

    def __init__(self, size: int) -> None:
        self.limit = MEMORY_FACTOR * size + MEMORY_FLOOR
        self.left = self.limit
        self.unusual_keys = 0

    def spend(self, amount: int) -> None:
        """Charge `amount` bytes; raise `Hostile` once the limit is passed."""
        self.left -= amount
        if self.left < 0:
            raise Hostile(
                f"unpacks to more than {self.limit >> 20} MiB, out of all proportion to its size"
            )

    def trial(self) -> "Budget":
        """Make an equal budget for a pass whose result is thrown away."""
        other = Budget(0)
        other.limit, other.left = self.limit, self.left
        return other


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
