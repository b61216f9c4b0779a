"""Whole pickled PyTorch modules: their arrays, and what they say of their layers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.networks.group import Layer, StateDict
from pmsfc_jax.weights.networks.names import unwrapped, without_wrappers
from pmsfc_jax.weights.networks.visit import Children, visit
from pmsfc_jax.weights.reader.records import Record

_PARTS = ("_parameters", "_buffers", "_modules")
# Of a setting that is a list: strides and paddings have one to three numbers.
_MAX_NUMBERS = 8


class Flattened(NamedTuple):
    """Arrays, what else stands among them, and layers of a module, by their names."""

    arrays: StateDict
    passed_over: dict[str, str]
    layers: dict[str, Layer]


def is_module(node: Any) -> bool:
    """Tell whether a node of a tree is a whole pickled PyTorch module."""
    if not isinstance(node, Record):
        return False
    attributes = node.attributes
    return all(isinstance(attributes.get(name), dict) for name in _PARTS)


def flatten_module(module: Record) -> Flattened:
    """Flatten a whole pickled PyTorch module into its state dict and its layers.

    Only parameters and persistent buffers count. A tensor that merely lies in a module's
    ``__dict__`` does not: rosinality's equalised layers keep there the scaled `weight` of the last
    forward pass, beside the parameter `weight_orig` that it was computed from.

    Args:
        module: Record of the module, with ``_parameters``, ``_buffers`` and ``_modules``.

    Returns:
        Arrays by name, in the order of ``state_dict()``; parameters that are none by name, each
        with what it is; and layers by their path. Names are without wrappers.

    Raises:
        InputError: `module` is no module, or holds itself.

    """
    if not is_module(module):
        raise InputError(
            f"{module.class_name} is not a PyTorch module; expected a record with _parameters, "
            "_buffers and _modules"
        )
    arrays: StateDict = {}
    passed_over: dict[str, str] = {}
    layers: dict[str, Layer] = {}
    sequences: set[str] = set()

    def look(path: str, node: Any, parent: Any) -> Children:
        attributes = node.attributes
        for name, value in _own(f"{path}." if path else "", attributes):
            if isinstance(value, np.ndarray | np.generic):
                arrays[name] = np.asarray(value)
            else:
                passed_over[name] = what_it_is(value)
        below = [pair for pair in attributes["_modules"].items() if is_module(pair[1])]
        kind = node.class_name.rpartition(".")[2]
        if kind == "Sequential":
            sequences.add(path)
        if not below or any(attributes[kind] for kind in ("_parameters", "_buffers")):
            outer = path.rpartition(".")[0]
            sequence = without_wrappers(outer) if outer in sequences else None
            layers[path] = Layer(kind, _settings(attributes), sequence)
        return below

    visit(module, look)
    return Flattened(unwrapped(arrays), unwrapped(passed_over), unwrapped(layers))


def what_it_is(value: Any) -> str:
    """Say what stands where an array could: in a few words."""
    if isinstance(value, Record):
        known = _TENSORS.get(value.class_name)
        return known or f"of type {value.class_name.removeprefix('safetensors.')[:80]}"
    for kinds, words in _WORDS:
        if isinstance(value, kinds):
            return words
    return f"of type {type(value).__name__}"


_TENSORS = {
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils._rebuild_qtensor": "a quantised tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "a tensor without numbers",
}
_WORDS: tuple[tuple[Any, str], ...] = (
    (str, "text"),
    (type(None), "nothing"),
    (bool | int | float | complex, "a number"),
    (bytes | memoryview, "bytes"),
    (dict, "a dict"),
    (list | tuple | set | frozenset, "a list"),
)


def _own(prefix: str, attributes: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """A module's own parameters and persistent buffers."""
    transient = attributes.get("_non_persistent_buffers_set")
    left_out = transient if isinstance(transient, set | frozenset) else ()
    return [
        (f"{prefix}{name}", value)
        for kind in ("_parameters", "_buffers")
        for name, value in attributes[kind].items()
        if value is not None and not (kind == "_buffers" and name in left_out)
    ]


def _settings(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in attributes.items()
        if not name.startswith("_") and _is_setting(value)
    }


def _is_setting(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return len(value) <= _MAX_NUMBERS and all(type(v) in (int, float) for v in value)
    return value is None or type(value) in (bool, int, float, str)
