"""Calls in torch pickles that make tensors."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from pmsfc_jax.weights.reader.arrays import checked_shape
from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage
from pmsfc_jax.weights.reader.quoting import show
from pmsfc_jax.weights.reader.records import Record
from pmsfc_jax.weights.reader.torch.storage import Storage, resolved, tensor_view, typed

Args = tuple[Any, ...]
Call = Callable[[Args], Any]

#: Calls that wrap a tensor, their first argument, and add nothing to its numbers.
_WRAPPERS = (
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor",
    "torch._utils._rebuild_device_tensor_from_numpy",
    "torch.nn.parameter.Parameter",
    "torch.nn.parameter.Buffer",
)


def tensor_calls(budget: Budget, load_from_bytes: Call | None = None) -> dict[str, Call]:
    """Return the functions that a pickle with torch tensors calls.

    Args:
        budget: What may still be allocated.
        load_from_bytes: Reads a torch file that lies in the pickle as a byte string.

    """
    calls: dict[str, Call] = {
        "torch._utils._rebuild_tensor": partial(_tensor, budget, 4),
        "torch._utils._rebuild_tensor_v2": partial(_tensor, budget, 6),
        "torch._utils._rebuild_tensor_v3": partial(_tensor_of_type, budget),
        "torch.Size": _size,
        **dict.fromkeys(_WRAPPERS, _first_tensor),
    }
    calls["torch._tensor._rebuild_from_type_v2"] = partial(_from_type, dict(calls))
    if load_from_bytes is not None:
        calls["torch.storage._load_from_bytes"] = load_from_bytes
    return calls


def placeholder_calls() -> dict[str, Call]:
    """Return the same names with functions that make nothing, for a pass that only looks."""
    names = tensor_calls(Budget(0), _nothing)
    return dict.fromkeys(names, _nothing)


def _nothing(args: Args) -> None:
    return None


def _tensor(budget: Budget, least: int, args: Args) -> np.ndarray | Record:
    """Rebuild from storage, offset, size, stride; whether it learns and its hooks are dropped."""
    if len(args) < least or not isinstance(args[0], Storage):
        raise Damage("rebuilds a tensor without a storage, or without its size and strides")
    view = tensor_view(args[0], args[1], args[2], args[3], budget)
    return _with_bits(view, args[6] if len(args) > 6 else None, budget)


def _tensor_of_type(budget: Budget, args: Args) -> np.ndarray | Record:
    """Rebuild a tensor whose element type stands beside it and not in its storage."""
    kind = args[6] if len(args) > 6 else None
    if not isinstance(kind, Record) or not isinstance(args[0], Storage):
        raise Damage("rebuilds a tensor without a storage or an element type")
    storage = typed(args[0], kind.class_name.removeprefix("torch."))
    if storage.element_type is None:
        return Record(kind.class_name, (checked_shape(args[2]),))
    view = tensor_view(storage, args[1], args[2], args[3], budget)
    return _with_bits(view, args[7] if len(args) > 7 else None, budget)


def _with_bits(view: np.ndarray | Record, metadata: Any, budget: Budget) -> np.ndarray | Record:
    """Apply what the last argument says of a view: that its sign is changed, or it is conjugate."""
    if not isinstance(view, np.ndarray) or type(metadata) is not dict:
        return view
    bits = {name: metadata.get(name) is True for name in ("neg", "conj")}
    return resolved(view, negative=bits["neg"], conjugate=bits["conj"], budget=budget)


def _first_tensor(args: Args) -> np.ndarray | Record:
    if not args or not isinstance(args[0], np.ndarray | Record):
        raise Damage("makes a parameter from something that is not a tensor")
    return args[0]


def _from_type(calls: dict[str, Call], args: Args) -> Any:
    """Rebuild a tensor that has attributes of its own: function, class, arguments, attributes."""
    function = args[0] if len(args) == 4 else None
    if not isinstance(function, Record) or type(args[2]) is not tuple:
        raise Damage("rebuilds a tensor without saying how")
    if function.class_name not in calls:
        raise Damage(f"rebuilds a tensor by {show(function.class_name)}, which makes none")
    return calls[function.class_name](args[2])


def _size(args: Args) -> tuple[int, ...]:
    if len(args) != 1:
        raise Damage("holds a torch.Size that is not one tuple")
    return checked_shape(args[0])
