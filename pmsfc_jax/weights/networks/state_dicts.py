"""Find the networks in a checkpoint's tree and bring each into one flat form.

A state dict here is a plain dict from dotted name to array, in the order of the file, under the
names that PyTorch's ``state_dict()`` (or TensorFlow's variables) would give.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.reader.records import Record

StateDict = dict[str, np.ndarray]

# A tree may hold itself, or the same object along very many paths.
_MAX_DEPTH = 64
_MAX_SEEN = 3_000_000


def find_state_dicts(tree: Any) -> dict[str, StateDict]:
    """List every network in a tree.

    Recognised are dicts of arrays, whole pickled modules, and TensorFlow networks (lists of names
    with values). Optimizers are passed over, as are empty dicts. The prefix ``module.`` of
    `torch.nn.DataParallel` is removed.

    Args:
        tree: `Checkpoint.tree`, or a part of it.

    Returns:
        State dicts by their path in the tree: keys, attribute names and positions joined with
        dots, ``""`` where the tree itself is one. For example ``"generator_smooth"``, ``"g_ema"``,
        ``"avgG"``, ``"generator.state_dict"``, or ``"2"`` in the official triple (G, D, Gs).

    Raises:
        InputError: The tree nests more deeply, or in more ways, than any checkpoint does.

    """
    found: dict[str, StateDict] = {}

    def look(path: str, node: Any) -> Iterable[tuple[Any, Any]]:
        state_dict = _as_state_dict(node)
        if not state_dict:
            return _children(node)
        found[path] = strip_prefix(state_dict)
        return ()

    _visit(tree, look)
    return found


def flatten_module(module: Record) -> StateDict:
    """Flatten a whole pickled PyTorch module into its state dict.

    Only parameters and persistent buffers count. A tensor that merely lies in a module's
    ``__dict__`` does not: rosinality's equalised layers keep there the scaled `weight` of the last
    forward pass, beside the parameter `weight_orig` that it was computed from.

    Args:
        module: Record of the module, with ``_parameters``, ``_buffers`` and ``_modules``.

    Returns:
        Arrays by name, in the order of ``state_dict()``.

    Raises:
        InputError: `module` is no module, holds a tensor of a type that numpy lacks, or holds
            itself.

    """
    if not is_module(module):
        raise InputError(
            f"{module.class_name} is not a PyTorch module; expected a record with _parameters, "
            "_buffers and _modules"
        )
    flat: StateDict = {}

    def look(path: str, node: Any) -> Iterable[tuple[Any, Any]]:
        attributes = node.attributes
        flat.update(_own_arrays(f"{path}." if path else "", attributes))
        return [pair for pair in attributes["_modules"].items() if is_module(pair[1])]

    _visit(module, look)
    return flat


def is_module(node: Any) -> bool:
    """Tell whether a node of a tree is a whole pickled PyTorch module."""
    if not isinstance(node, Record):
        return False
    attributes = node.attributes
    return all(
        isinstance(attributes.get(name), dict) for name in ("_parameters", "_buffers", "_modules")
    )


def strip_prefix(state_dict: StateDict, prefix: str = "module.") -> StateDict:
    """Remove a prefix that all names share, as often as they do; else return the names as are."""
    while state_dict and all(name.startswith(prefix) for name in state_dict):
        state_dict = {name.removeprefix(prefix): value for name, value in state_dict.items()}
    return state_dict


def _own_arrays(prefix: str, attributes: Mapping[str, Any]) -> StateDict:
    """Return a module's own parameters and persistent buffers."""
    transient = attributes.get("_non_persistent_buffers_set")
    left_out = transient if isinstance(transient, set | frozenset) else ()
    own: StateDict = {}
    for kind in ("_parameters", "_buffers"):
        for name, value in attributes[kind].items():
            if value is None or (kind == "_buffers" and name in left_out):
                continue
            if not _is_array(value):
                what = value.class_name if isinstance(value, Record) else type(value).__name__
                raise InputError(f"{prefix}{name} is of type {what}, which numpy cannot hold")
            own[f"{prefix}{name}"] = np.asarray(value)
    return own


def _as_state_dict(node: Any) -> StateDict:
    """Return a node as a state dict; an empty one if it is none."""
    if is_module(node):
        return flatten_module(node)
    if isinstance(node, Record):
        node = node.attributes.get("variables")
    if isinstance(node, list) and all(type(pair) is tuple and len(pair) == 2 for pair in node):
        # TensorFlow's variables.
        if not all(type(name) is str for name, _ in node):
            return {}
        node = dict(node)
    if not isinstance(node, dict) or not all(type(name) is str for name in node):
        return {}
    # Plain numbers may stand among the arrays: a resolution, a step.
    if not all(_is_array(value) or type(value) in (bool, int, float) for value in node.values()):
        return {}
    if not any(_is_array(value) for value in node.values()):
        return {}
    return {name: np.asarray(value) for name, value in node.items()}


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic)


def _children(node: Any) -> Iterable[tuple[Any, Any]]:
    """Return what a container or record holds, each with its name."""
    if isinstance(node, Record):
        return node.attributes.items()
    if isinstance(node, list | tuple):
        return enumerate(node)
    if not isinstance(node, dict):
        return ()
    # An optimizer's averages have the shapes of weights and are none.
    return () if {"state", "param_groups"} <= node.keys() else node.items()


def _visit(tree: Any, look: Callable[[str, Any], Iterable[tuple[Any, Any]]]) -> None:
    """Call `look` with path and node for containers and records, in the file's order.

    It returns the node's children by name; those that are containers or records are visited next.
    """
    seen = 0
    waiting: list[tuple[tuple[str, ...], Any]] = [((), tree)]
    while waiting:
        path, node = waiting.pop()
        below = [
            ((*path, str(name)), child)
            for name, child in look(".".join(path), node)
            if isinstance(child, dict | list | tuple | Record)
        ]
        waiting.extend(reversed(below))
        seen += 1 + _breadth(node)
        if len(path) > _MAX_DEPTH or seen > _MAX_SEEN:
            raise InputError(
                "the checkpoint's objects hold one another without end; expected the weights of a "
                "network: save its state_dict() alone"
            )


def _breadth(node: Any) -> int:
    """Count what looking at a node takes, so that one held in many places counts each time."""
    if isinstance(node, Record):
        return sum(_breadth(part) for part in (node.items, node.state) if isinstance(part, dict))
    return len(node) if isinstance(node, dict | list | tuple) else 0
