"""Rebuild the object of a pickle without importing or calling anything that it names."""

from collections.abc import Callable
from typing import Any

from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage
from pmsfc_jax.weights.reader.pickle.cursor import Cursor
from pmsfc_jax.weights.reader.pickle.keys import fill_set
from pmsfc_jax.weights.reader.pickle.literals import LITERALS
from pmsfc_jax.weights.reader.pickle.machine import Calls, Machine, PersistentLoad

MAX_PROTOCOL = 5


def unpickle(
    data: memoryview,
    start: int,
    budget: Budget,
    calls: Calls,
    persistent_load: PersistentLoad | None = None,
) -> tuple[Any, int]:
    """Rebuild the object of the pickle that begins at byte `start` of `data`.

    Args:
        data: Read-only bytes; long byte strings of the result stay views of them.
        start: Where the pickle begins.
        budget: What it may still allocate.
        calls: Dotted name -> function that takes the arguments of a call of that name.
        persistent_load: Takes a persistent id; without it such an id is damage.

    Returns:
        The object, and the position after the pickle's end.

    Raises:
        Damage: The bytes are not a whole pickle, or one that no pickler writes.
        Hostile: It wants to call something that has no place among weights, or too much memory.

    """
    cursor = Cursor(data, start, budget)
    machine = Machine(cursor, calls, persistent_load)
    try:
        _run(machine)
        return machine.result(), cursor.position
    except IndexError as error:
        why: Damage = Damage("takes more from its stack than it put there")
        cause: Exception = error
    except Damage as error:
        why = cause = error
    raise type(why)(f"{why} (near byte {cursor.position} of its pickle)") from cause


def _run(machine: Machine) -> None:
    cursor, budget = machine.cursor, machine.budget
    while True:
        code = cursor.byte()
        literal = LITERALS.get(code)
        if literal is not None:
            budget.spend(literal[0])
            machine.stack.append(literal[1](cursor))
            continue
        if code == _STOP:
            return
        operation = _OPERATIONS.get(code)
        if operation is None:
            raise Damage(f"holds the unknown opcode 0x{code:02x}")
        budget.spend(operation[0])
        operation[1](machine)


def _protocol(machine: Machine) -> None:
    version = machine.cursor.byte()
    if version > MAX_PROTOCOL:
        raise Damage(f"is of the unknown pickle protocol {version}")


def _frame(machine: Machine) -> None:
    if machine.cursor.unsigned(8) > len(machine.cursor.data) - machine.cursor.position:
        raise Damage(f"ends at byte {len(machine.cursor.data)}, in the middle of a frame")


def _pop(machine: Machine) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.pop_marked()


def _tuple(machine: Machine) -> None:
    items = tuple(machine.pop_marked())
    machine.stack.append(items)


def _short_tuple(count: int) -> Callable[[Machine], None]:
    def operation(machine: Machine) -> None:
        if len(machine.stack) < count:
            raise IndexError
        machine.stack[-count:] = [tuple(machine.stack[-count:])]

    return operation


def _list(machine: Machine) -> None:
    items = machine.pop_marked()
    machine.stack.append(items)


def _dict(machine: Machine) -> None:
    items = machine.pop_marked()
    machine.stack.append({})
    machine.set_items(items)


def _frozenset(machine: Machine) -> None:
    items = machine.pop_marked()
    made: set[Any] = set()
    fill_set(made, items, machine.budget)
    machine.stack.append(frozenset(made))


def _add_items(machine: Machine) -> None:
    items = machine.pop_marked()
    target = machine.stack[-1]
    if type(target) is not set:
        raise Damage("adds elements to something that is not a set")
    fill_set(target, items, machine.budget)


def _append(machine: Machine) -> None:
    item = machine.stack.pop()
    machine.append([item])


def _set_item(machine: Machine) -> None:
    value = machine.stack.pop()
    key = machine.stack.pop()
    machine.set_items([key, value])


def _stack_global(machine: Machine) -> None:
    name = machine.stack.pop()
    module = machine.stack.pop()
    if type(name) is not str or type(module) is not str:
        raise Damage("names a class by something that is not text")
    machine.push_name(module, name)


def _global(machine: Machine) -> None:
    module = machine.cursor.name()
    machine.push_name(module, machine.cursor.name())


def _call(machine: Machine) -> None:
    args = machine.stack.pop()
    machine.call(machine.stack.pop(), args)


def _new_with_keywords(machine: Machine) -> None:
    keywords = machine.stack.pop()
    args = machine.stack.pop()
    if type(keywords) is not dict or type(args) is not tuple:
        raise Damage("makes an object without proper arguments")
    machine.budget.spend(8 * len(args))
    machine.call(machine.stack.pop(), (*args, keywords) if keywords else args)


def _instance(machine: Machine) -> None:
    items = machine.pop_marked()
    _global(machine)
    machine.call(machine.stack.pop(), tuple(items))


def _object(machine: Machine) -> None:
    items = machine.pop_marked()
    machine.call(items[0], tuple(items[1:]))


def _persistent(machine: Machine, identity: Any) -> None:
    if machine.persistent is None:
        raise Damage("refers to data outside of itself, which this kind of file does not have")
    machine.push_again(machine.persistent(identity))


_STOP = ord(".")
_OPERATIONS: dict[int, tuple[int, Callable[[Machine], None]]] = {
    0x80: (16, _protocol),
    0x95: (16, _frame),
    ord("("): (80, Machine.mark),
    ord("0"): (16, _pop),
    ord("1"): (16, lambda m: (m.pop_marked(), None)[1]),
    ord("2"): (16, lambda m: m.push_again(m.stack[-1])),
    ord("t"): (64, _tuple),
    0x85: (64, _short_tuple(1)),
    0x86: (64, _short_tuple(2)),
    0x87: (72, _short_tuple(3)),
    ord("l"): (72, _list),
    ord("d"): (72, _dict),
    0x91: (224, _frozenset),
    0x90: (16, _add_items),
    ord("a"): (40, _append),
    ord("e"): (16, lambda m: m.append(m.pop_marked())),
    ord("s"): (16, _set_item),
    ord("u"): (16, lambda m: m.set_items(m.pop_marked())),
    # The memo.
    ord("p"): (120, lambda m: m.put(m.cursor.integer_line())),
    ord("q"): (120, lambda m: m.put(m.cursor.byte())),
    ord("r"): (120, lambda m: m.put(m.cursor.unsigned(4))),
    0x94: (120, lambda m: m.put(len(m.memo))),
    ord("g"): (16, lambda m: m.get(m.cursor.integer_line())),
    ord("h"): (16, lambda m: m.get(m.cursor.byte())),
    ord("j"): (16, lambda m: m.get(m.cursor.unsigned(4))),
    # Names, calls and states.
    ord("c"): (16, _global),
    0x93: (16, _stack_global),
    ord("R"): (160, _call),
    0x81: (160, _call),
    0x92: (160, _new_with_keywords),
    ord("i"): (160, _instance),
    ord("o"): (160, _object),
    ord("b"): (16, Machine.build),
    ord("P"): (400, lambda m: _persistent(m, m.cursor.name())),
    ord("Q"): (400, lambda m: _persistent(m, m.stack.pop())),
}
