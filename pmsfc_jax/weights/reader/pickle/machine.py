"""The stack machine that a pickle is a program for, with its two doors closed.

A name is never looked up (it becomes a `Record`), and a call only ever reaches the functions in
`calls`, which are this package's own. All else the machine can do is to build lists, dicts, tuples,
numbers and strings.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pmsfc_jax.weights.reader.damage import Damage, Hostile
from pmsfc_jax.weights.reader.pickle.cursor import MAX_NAME, Cursor
from pmsfc_jax.weights.reader.pickle.keys import fill_dict
from pmsfc_jax.weights.reader.pickle.names import canonical_name, refuse_programs
from pmsfc_jax.weights.reader.quoting import show
from pmsfc_jax.weights.reader.records import Record

# Every pickler numbers what it remembers from 0 up. Larger numbers can be chosen to collide in a
# dict (multiples of 2**61 - 1 all have the hash 0): a thousand of them take a million steps.
MAX_MEMO_KEY = (1 << 32) - 1
MAX_MEMO = 1 << 22

#: Dotted name -> function that takes the arguments of a call of that name.
Calls = Mapping[str, Callable[[tuple[Any, ...]], Any]]
#: Persistent id -> what it stands for.
PersistentLoad = Callable[[Any], Any]


class Pending:
    """Stand for an object that is complete only once its state arrives (BUILD)."""

    __slots__ = ("finish", "memo_keys")

    def __init__(self, finish: Callable[[Any], Any]) -> None:
        self.finish = finish
        self.memo_keys: list[int] = []


class Machine:
    """The stack, the marks and the memo of one pickle, and what can be done to them."""

    def __init__(self, cursor: Cursor, calls: Calls, persistent: PersistentLoad | None) -> None:
        self.cursor = cursor
        self.budget = cursor.budget
        self.calls = calls
        self.persistent = persistent
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.names: dict[str, Record] = {}
        self.pending = 0

    def result(self) -> Any:
        """Return the one object that a pickle leaves behind."""
        if len(self.stack) != 1 or self.marked:
            raise Damage("stops with its stack in disorder")
        if self.pending:
            raise Damage("stops before an array has its data")
        return self.stack[0]

    def mark(self) -> None:
        """Begin a run of items."""
        self.marked.append(self.stack)
        self.stack = []

    def pop_marked(self) -> list[Any]:
        """Remove and return the items since the last mark, and the mark."""
        items = self.stack
        self.stack = self.marked.pop()
        return items

    def put(self, key: int) -> None:
        """Remember the top of the stack as object `key`."""
        if not 0 <= key <= MAX_MEMO_KEY:
            raise Hostile(f"numbers an object {show(key)}, which no pickler does")
        if len(self.memo) >= MAX_MEMO and key not in self.memo:
            raise Hostile(f"remembers more than {MAX_MEMO} objects")
        value = self.stack[-1]
        self.memo[key] = value
        if isinstance(value, Pending):
            value.memo_keys.append(key)

    def get(self, key: int) -> None:
        """Push object `key` again."""
        if key not in self.memo:
            raise Damage(f"refers to object {key}, which it has not made")
        self.push_again(self.memo[key])

    def push_again(self, value: Any) -> None:
        """Push something that is already part of the result."""
        if isinstance(value, Pending):
            raise Damage("uses an array before it has its data")
        self.stack.append(value)

    def push_name(self, module: str, name: str) -> None:
        """Push the name of a class or function, as a `Record` without arguments."""
        if len(module) + len(name) > MAX_NAME:
            raise Damage(f"holds a name of {len(module) + len(name)} characters")
        dotted = canonical_name(module, name)
        if dotted not in self.names:
            self.budget.spend(len(dotted) + 200)
            self.names[dotted] = Record(dotted, args=None)
        self.stack.append(self.names[dotted])

    def call(self, function: Any, args: Any) -> None:
        """Push what a call of a name stands for: of one of `calls`, or a `Record`."""
        if not isinstance(function, Record) or function.args is not None:
            raise Hostile("calls the result of another call")
        if type(args) is not tuple:
            raise Damage(f"calls {show(function.class_name)} without a tuple of arguments")
        known = self.calls.get(function.class_name)
        if known is None:
            refuse_programs(function.class_name)
            value: Any = Record(function.class_name, args)
        else:
            value = known(args)
        if isinstance(value, Pending):
            self.pending += 1
        self.stack.append(value)

    def build(self) -> None:
        """Give the object below the top its state, which is the top."""
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, Pending):
            value = self.stack[-1] = target.finish(state)
            for key in target.memo_keys:
                # The slot may have been given to something else in between.
                if self.memo[key] is target:
                    self.memo[key] = value
            self.pending -= 1
        elif isinstance(target, Record) and target.args is not None and target.state is None:
            target.state = state
        elif type(target) is not dict:
            # A dict is an OrderedDict here; its attributes (`_metadata`) are dropped.
            raise Damage(f"gives a state to {_kind(target)}")

    def append(self, items: list[Any]) -> None:
        """Add items to the list, or list-like object, on top of the stack."""
        self._entries(self.stack[-1], list).extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Add keys and values in turn to the dict, or dict-like object, on top of the stack."""
        if len(items) % 2:
            raise Damage("gives a key without a value")
        target = self._entries(self.stack[-1], dict)
        fill_dict(target, items[::2], items[1::2], self.budget)

    def _entries(self, target: Any, kind: type) -> Any:
        if type(target) is kind:
            return target
        if isinstance(target, Record) and target.args is not None:
            if target.items is None:
                self.budget.spend(64)
                target.items = kind()
            if type(target.items) is kind:
                return target.items
        raise Damage(f"puts entries into {_kind(target)}")


def _kind(value: Any) -> str:
    if isinstance(value, Record):
        return show(value.class_name)
    return f"a value of type {type(value).__name__}"
