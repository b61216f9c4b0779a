"""Calls in pickles that make Python's own containers, and NVlabs' self-describing objects."""

from collections.abc import Callable
from functools import partial
from typing import Any

from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage
from pmsfc_jax.weights.reader.pickle.cursor import MAX_NAME
from pmsfc_jax.weights.reader.pickle.keys import fill_dict, fill_set
from pmsfc_jax.weights.reader.quoting import is_one_of, show
from pmsfc_jax.weights.reader.records import Record

Args = tuple[Any, ...]


def plain_calls(budget: Budget) -> dict[str, Callable[[Args], Any]]:
    """Return the functions that every kind of pickle may call."""
    return {
        "collections.OrderedDict": partial(_ordered_dict, budget),
        "collections.defaultdict": _default_dict,
        "builtins.set": partial(_set, budget),
        "builtins.frozenset": lambda args: frozenset(_set(budget, args)),
        "builtins.bytes": partial(_bytes, budget),
        "builtins.bytearray": partial(_bytes, budget),
        "_codecs.encode": partial(_bytes, budget),
        "copyreg._reconstructor": _reconstructor,
        "torch_utils.persistence._reconstruct_persistent_obj": _persistent_object,
    }


def _ordered_dict(budget: Budget, args: Args) -> dict[Any, Any]:
    """Make a dict: empty, or from the list of pairs that Python 2 writes."""
    made: dict[Any, Any] = {}
    if not args:
        return made
    pairs = args[0]
    if len(args) != 1 or type(pairs) is not list:
        raise Damage("makes an OrderedDict from something other than a list of pairs")
    if not all(type(pair) in (list, tuple) and len(pair) == 2 for pair in pairs):
        raise Damage("makes an OrderedDict from something other than a list of pairs")
    fill_dict(made, [pair[0] for pair in pairs], [pair[1] for pair in pairs], budget)
    return made


def _default_dict(args: Args) -> dict[Any, Any]:
    """Make an empty dict; what it would call for a missing key is dropped."""
    if len(args) > 1:
        raise Damage("makes a defaultdict with entries, which no pickler writes")
    return {}


def _set(budget: Budget, args: Args) -> set[Any]:
    items = args[0] if args else []
    if len(args) > 1 or type(items) not in (list, tuple):
        raise Damage("makes a set from something other than a list")
    made: set[Any] = set()
    fill_set(made, items, budget)
    return made


def _bytes(budget: Budget, args: Args) -> bytes | memoryview:
    """Make bytes from text of one byte a character, as Python 3 writes them in protocol 2."""
    if not args:
        return b""
    source = args[0]
    if len(args) == 1 and isinstance(source, bytes | memoryview):
        return source
    if len(args) != 2 or type(source) is not str or not is_one_of(args[1], "latin1", "latin-1"):
        raise Damage("makes bytes from something other than Latin-1 text")
    budget.spend(len(source) + 64)
    try:
        return source.encode("latin-1")
    except UnicodeEncodeError as error:
        raise Damage("makes bytes from characters that are none") from error


def _reconstructor(args: Args) -> Record:
    """Make the record of an instance that protocols 0 and 1 describe: class, base, base's value."""
    if len(args) != 3 or not isinstance(args[0], Record):
        raise Damage("makes an instance without saying of which class")
    value = args[2]
    return Record(
        args[0].class_name,
        () if value is None else (value,),
        items=value if type(value) in (dict, list) else None,
    )


def _persistent_object(args: Args) -> Record:
    """Make the record of an object that NVlabs' files carry with its source text.

    The text (`module_src`) is what their loader executes. Here it is dropped unread.
    """
    meta = args[0] if len(args) == 1 else None
    if type(meta) is not dict or type(meta.get("class_name")) is not str:
        raise Damage("holds a persistent object without a class name")
    if len(meta["class_name"]) > MAX_NAME:
        raise Damage(f"holds a class name of {len(meta['class_name'])} characters")
    if not is_one_of(meta.get("type"), "class"):
        raise Damage(f"holds a persistent object of type {show(meta.get('type'))}, not 'class'")
    return Record(meta["class_name"], state=meta.get("state"))
