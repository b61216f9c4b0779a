"""Foreign objects of a checkpoint, kept as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, eq=False, repr=False)
class Record:
    """Hold what a checkpoint says about an object of a class that this reader does not build.

    Whole pickled modules, training configurations, ``argparse.Namespace``, TensorFlow networks:
    their class is named and what they were made from is kept, but the class is never imported and
    nothing is ever called.

    Attributes:
        class_name: Dotted name as it stands in the file, for example ``"model.Generator"``.
        args: Arguments the object was to be made with; ``None`` when the file only names the class
            or function (a ``torch.float32`` in a configuration, say).
        state: What the object was to restore itself from, most often the dict of its attributes.
        items: Entries of an object that is also a dict or a list (a subclass of either).

    """

    class_name: str
    args: tuple[Any, ...] | None = ()
    state: Any = None
    items: dict[Any, Any] | list[Any] | None = None

    def __repr__(self) -> str:
        # Short on purpose: a checkpoint may contain itself, or the same object a million times.
        return f"<{type(self).__name__} of {self.class_name}>"

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Named values of the object: dict entries, then ``__slots__``, then ``__dict__``."""
        found: dict[str, Any] = {}
        in_slots = isinstance(self.state, tuple) and len(self.state) == 2
        state, slots = self.state if in_slots else (self.state, None)
        for part in (self.items, slots, state):
            if isinstance(part, dict):
                found.update((name, value) for name, value in part.items() if type(name) is str)
        return found
