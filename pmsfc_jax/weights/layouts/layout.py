"""What a layout table is: how to recognise a codebase's keys, and how to convert them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.core.typing import Params
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.reader.records import Record

#: Roles of networks that judge images, in their folders.
PERCEPTUAL, LPIPS = "perceptual", "lpips"


class Group(NamedTuple):
    """One network of a checkpoint.

    Attributes:
      path: where it stands in the file's tree, ``""`` where it is the whole file.
      arrays: its arrays by their native names.
      node: attributes of the object that holds the arrays, where it is more than a dict of them.
      beside: what stands beside it in the tree, by name (a configuration, for instance).

    """

    path: str
    arrays: Mapping[str, np.ndarray]
    node: Mapping[str, Any]
    beside: Mapping[str, Any]


class Conversion(NamedTuple):
    """One network in our form.

    Attributes:
      family: which kind of network it is, as the registry names it.
      architecture: the family's configuration as plain values.
      params: nested dict of float32 numpy arrays.
      native_cuts: layer index of each cut that the codebase has a name for.
      role: of the network in its folder: ``"generator"``, or what a judging network is stored as.

    """

    family: str
    architecture: dict[str, Any]
    params: Params
    native_cuts: dict[str, int]
    role: str = "generator"


@dataclass(frozen=True)
class Layout:
    """The key conventions of one codebase and those that share them.

    Attributes:
      name: of the layout, ``family_codebase``.
      codebases: who writes files of it, for messages.
      keys: regular expressions of all its keys.
      own: those among them that only this layout's generator has; one at least must be there.
      preferred: names of the groups to take, the averaged generator first.
      options: facts that a file of this layout may leave open.
      convert: ``(group, choices) -> Conversion``; raises `InputError` listing all misfits.
      labels: names of groups that a file knows by position only.

    """

    name: str
    codebases: str
    keys: tuple[str, ...]
    own: tuple[str, ...]
    preferred: tuple[str, ...]
    options: tuple[str, ...]
    convert: Callable[[Group, Choices], Conversion]
    labels: Mapping[str, str] = field(default_factory=dict)

    def score(self, arrays: Mapping[str, np.ndarray]) -> float:
        """Share of the keys that this layout knows; 0 where its own are absent."""
        own = re.compile("|".join(self.own))
        if not any(own.fullmatch(key) for key in arrays):
            return 0.0
        known = re.compile("|".join((*self.keys, *self.own)))
        return sum(bool(known.fullmatch(key)) for key in arrays) / len(arrays)

    def label(self, path: str) -> str:
        """What a group is called in messages and by ``which``: its path without wrappers."""
        short = path.removesuffix(".state_dict").removeprefix("models.")
        return self.labels.get(short, short)


def find_group(tree: Any, path: str, arrays: Mapping[str, np.ndarray]) -> Group:
    """The group whose arrays were found at ``path`` of ``tree``, with its surroundings."""
    parent, node = _walk({}, tree, path)
    own = _named_children(node) if isinstance(node, Record) else {}
    return Group(path, arrays, own, _named_children(parent))


def _walk(parent: Any, node: Any, path: str) -> tuple[Any, Any]:
    if not path:
        return parent, node
    for name, child in _named_children(node).items():
        # A name may itself contain dots.
        if path == name:
            return node, child
        if path.startswith(f"{name}."):
            found = _walk(node, child, path[len(name) + 1 :])
            if found[1] is not None:
                return found
    return None, None


def _named_children(node: Any) -> dict[str, Any]:
    if isinstance(node, Record):
        return dict(node.attributes)
    if isinstance(node, dict):
        return {str(name): child for name, child in node.items()}
    if isinstance(node, list | tuple):
        return {str(index): child for index, child in enumerate(node)}
    return {}


def plain_settings(node: Any) -> dict[str, Any]:
    """The plain values (truth, numbers, text) of a configuration; empty where there is none."""
    settings = {}
    for name, value in _named_children(node).items():
        value = value.item() if isinstance(value, np.generic) else value
        if type(value) in (bool, int, float, str):
            settings[name] = value
    return settings


def count(arrays: Mapping[str, np.ndarray], pattern: str) -> int:
    """One more than the highest index that ``pattern``'s group finds in the keys; 0 for none."""
    found = (re.fullmatch(pattern, key) for key in arrays)
    return max((int(match[1]) + 1 for match in found if match), default=0)
