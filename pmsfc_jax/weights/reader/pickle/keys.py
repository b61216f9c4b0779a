"""Dicts and sets whose keys come from a file.

Hashing runs on what the file chose: nested tuples that share their halves take for ever to hash,
and numbers can be chosen to collide. So only plain short keys are hashed, and only so many of
those that are not text (whose hash Python randomises).
"""

from collections.abc import Sequence
from typing import Any

from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Hostile
from pmsfc_jax.weights.reader.records import Record

MAX_UNUSUAL_KEYS = 1 << 16
MAX_KEY_PARTS = 8


def safe_key(value: Any, budget: Budget) -> Any:
    """Return `value` if it is safe to hash, else a `Record` around it (hashed by identity)."""
    kind = type(value)
    if kind is str or (kind is Record and value.args is None):
        return value
    budget.unusual_keys += 1
    if budget.unusual_keys > MAX_UNUSUAL_KEYS:
        raise Hostile(f"has more than {MAX_UNUSUAL_KEYS} dict keys that are not text")
    if _is_plain(value) or (
        kind is tuple and len(value) <= MAX_KEY_PARTS and all(map(_is_plain, value))
    ):
        return value
    budget.spend(120)
    return Record("key", (value,))


def fill_dict(
    target: dict[Any, Any], keys: Sequence[Any], values: Sequence[Any], budget: Budget
) -> None:
    """Put `values` under `keys`."""
    # A dict of one entry takes 232 bytes, and then about 100 an entry while it grows.
    budget.spend(160 + 104 * len(keys))
    for key, value in zip(keys, values, strict=True):
        target[safe_key(key, budget)] = value


def fill_set(target: set[Any], items: Sequence[Any], budget: Budget) -> None:
    """Put `items` into a set."""
    budget.spend(80 * len(items))
    for item in items:
        target.add(safe_key(item, budget))


def _is_plain(value: Any) -> bool:
    if type(value) is int:
        return -(1 << 63) <= value < 1 << 64
    return value is None or type(value) in (str, bytes, bool, float)
