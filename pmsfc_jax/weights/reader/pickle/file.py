"""Read a pickle that is the whole file: TensorFlow networks as numpy arrays, NVlabs' torch ones."""

from functools import partial
from typing import Any

from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage
from pmsfc_jax.weights.reader.pickle.numpy_calls import numpy_calls
from pmsfc_jax.weights.reader.pickle.plain_calls import plain_calls
from pmsfc_jax.weights.reader.pickle.unpickle import unpickle
from pmsfc_jax.weights.reader.torch.calls import tensor_calls
from pmsfc_jax.weights.reader.torch.legacy import MAGIC_BYTES, read_torch_legacy


def read_pickle(data: memoryview, budget: Budget) -> tuple[Any, int]:
    """Return the tree that was pickled, and where the pickle ends.

    Tensors pickled without `torch.save` carry each storage as a byte string that is itself a
    legacy torch file (`torch.storage._load_from_bytes`); it is read by the same reader.
    """
    calls = plain_calls(budget) | numpy_calls(budget)
    calls |= tensor_calls(budget, partial(_load_from_bytes, budget))
    return unpickle(data, 0, budget, calls)


def _load_from_bytes(budget: Budget, args: tuple[Any, ...]) -> Any:
    raw = args[0] if len(args) == 1 else None
    if not isinstance(raw, bytes | memoryview) or MAGIC_BYTES not in bytes(raw[:32]):
        raise Damage("loads a storage from something that is not a legacy torch file")
    # Every byte string lies in the file but may be named many times.
    budget.spend(len(raw))
    return read_torch_legacy(memoryview(raw), budget)[0]
