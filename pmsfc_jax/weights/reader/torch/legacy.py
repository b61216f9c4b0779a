"""Read the container of `torch.save` before version 1.6: pickles, then the storages' bytes."""

from typing import Any

from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage, Unsuitable
from pmsfc_jax.weights.reader.pickle.cursor import Cursor
from pmsfc_jax.weights.reader.pickle.numpy_calls import numpy_calls
from pmsfc_jax.weights.reader.pickle.plain_calls import plain_calls
from pmsfc_jax.weights.reader.pickle.unpickle import unpickle
from pmsfc_jax.weights.reader.quoting import is_one_of, show
from pmsfc_jax.weights.reader.records import Record
from pmsfc_jax.weights.reader.torch.calls import placeholder_calls, tensor_calls
from pmsfc_jax.weights.reader.torch.storage import Storage, parse_storage_id, part_of

_MAGIC = 0x1950A86A20F9469CFC6C
#: What the first pickle holds, whatever its protocol: the number above as 10 bytes, and the end.
MAGIC_BYTES = b"\x8a\x0a" + _MAGIC.to_bytes(10, "little") + b"."
_VERSION = 1001
_STORAGE_OVERHEAD = 400


def read_torch_legacy(data: memoryview, budget: Budget) -> tuple[Any, int]:
    """Return the tree that was saved, and where the file ends.

    Five pickles (a magic number, a version, facts about the machine, the object, the keys of the
    storages) and then each storage: its number of elements (8 bytes) and the elements,
    little-endian whatever the machine. Only the object says how large an element is and it comes
    before the storages, so its pickle is run twice: once to collect them, once to build tensors.
    """
    at = 0
    header = []
    for _ in range(3):
        value, at = unpickle(data, at, budget, plain_calls(budget))
        header.append(value)
    if header[0] != _MAGIC or header[1] != _VERSION:
        raise Damage("does not begin like a file of torch.save")

    declared: dict[str, Storage] = {}
    trial = budget.trial()
    _, end = unpickle(
        data,
        at,
        trial,
        plain_calls(trial) | numpy_calls(trial) | placeholder_calls(),
        lambda identity: _declare(declared, identity, trial),
    )
    keys, end = unpickle(data, end, budget, {})
    end = _locate(data, end, keys, declared, budget)
    tree, _ = unpickle(
        data,
        at,
        budget,
        plain_calls(budget) | numpy_calls(budget) | tensor_calls(budget),
        lambda identity: _resolve(declared, identity),
    )
    return tree, end


def _declare(declared: dict[str, Storage], identity: Any, budget: Budget) -> Record:
    """Note a storage that the object mentions."""
    if _is_class(identity):
        return identity[1]
    key, storage, part = parse_storage_id(identity)
    budget.spend(_STORAGE_OVERHEAD)
    known = declared.setdefault(key, storage)
    if (known.class_name, known.count) != (storage.class_name, storage.count):
        raise Damage(f"describes storage {show(key)} in two ways")
    if part is not None and (type(part) is not tuple or len(part) != 3):
        raise Damage(f"describes part of storage {show(key)} without start and size")
    return storage


def _resolve(declared: dict[str, Storage], identity: Any) -> Record:
    """Return what a persistent id stands for, now that the storages are found."""
    if _is_class(identity):
        return identity[1]
    key, _, part = parse_storage_id(identity)
    storage = declared[key]
    return storage if part is None else part_of(storage, part[1], part[2])


def _is_class(identity: Any) -> bool:
    """Tell whether a persistent id is a class that was saved with its source text.

    The text is for warning about changed code; it is dropped and the class's name is kept.
    """
    return (
        type(identity) is tuple
        and len(identity) == 4
        and is_one_of(identity[0], "module")
        and isinstance(identity[1], Record)
        and identity[1].args is None
    )


def _locate(
    data: memoryview, at: int, keys: Any, declared: dict[str, Storage], budget: Budget
) -> int:
    """Find each storage's bytes; return the position after the last."""
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise Damage("has no list of its storages")
    cursor = Cursor(data, at, budget)
    for key in keys:
        storage = declared.get(key)
        if storage is None or storage.raw is not None:
            raise Damage(f"lists storage {show(key)}, which it has twice or does not use")
        if not storage.item_size:
            raise Unsuitable(
                f"has storage {show(key)} of the unread type {show(storage.class_name)}, so that "
                "what follows cannot be found; load it with torch and save it again"
            )
        count = cursor.unsigned(8)
        if count != storage.count:
            raise Damage(f"has {count} elements in storage {show(key)}, not {storage.count}")
        storage.raw = cursor.take(count * storage.item_size)
    missing = [key for key, storage in declared.items() if storage.raw is None]
    if missing:
        raise Damage(f"lacks storage {show(missing[0])}")
    return cursor.position
