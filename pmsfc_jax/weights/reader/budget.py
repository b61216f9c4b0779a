"""How much memory a file may make the reader take."""

from pmsfc_jax.weights.reader.damage import Hostile

# What the tree may take in memory, per byte of the file: the file itself once more when every
# array is copied, tied weights counted twice, and room for Python objects. The floor is for small
# files, where the objects outweigh the numbers.
MEMORY_FACTOR = 4
MEMORY_FLOOR = 64 << 20


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
