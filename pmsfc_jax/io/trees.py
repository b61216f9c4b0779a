"""Nested dicts of arrays as arrays by their paths, as they lie in a file."""

from typing import Any

import numpy as np


def flat(name: str, tree: Any) -> dict[str, np.ndarray]:
    """Arrays of a nested dict by their paths."""
    if isinstance(tree, dict):
        parts = (flat(f"{name}/{key}", value) for key, value in tree.items())
        return {path: array for part in parts for path, array in part.items()}
    return {} if isinstance(tree, tuple) else {name: np.asarray(tree, np.float32)}


def nested(name: str, arrays: dict[str, np.ndarray]) -> Any:
    """The inverse of `flat`; raises `KeyError` where there is nothing of this name."""
    if name in arrays:
        return arrays[name]
    tree: dict[str, Any] = {}
    for path, array in arrays.items():
        first, *keys = path.split("/")
        if first == name:
            branch = tree
            for key in keys[:-1]:
                branch = branch.setdefault(key, {})
            branch[keys[-1]] = array
    if not tree:
        raise KeyError(name)
    return tree
