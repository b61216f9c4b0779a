"""What a layout table is: how to recognise a codebase's keys, and how to convert them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.core.typing import Params
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.networks.group import Group as Group
from pmsfc_jax.weights.networks.visit import named_children

#: Roles of networks that judge images, in their folders.
PERCEPTUAL, LPIPS = "perceptual", "lpips"


class Conversion(NamedTuple):
    """One network in our form.

    Attributes:
      family: which kind of network it is, as the registry names it.
      architecture: the family's configuration as plain values.
      params: nested dict of float32 numpy arrays.
      native_cuts: layer index of each cut that the codebase has a name for.
      role: of the network in its folder: ``"generator"``, or what a judging network is stored as.
      grey: whether the file's images have one channel; ours have it three times.

    """

    family: str
    architecture: dict[str, Any]
    params: Params
    native_cuts: dict[str, int]
    role: str = "generator"
    grey: bool = False


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

    def knows(self, key: str) -> bool:
        """Whether a key is one of this layout."""
        return any(re.fullmatch(pattern, key) for pattern in (*self.keys, *self.own))

    def score(self, arrays: Mapping[str, np.ndarray]) -> float:
        """Share of the keys that this layout knows; 0 where its own are absent.

        Single numbers do not count: a step or an epoch may stand in any dict.
        """
        own = re.compile("|".join(self.own))
        if not any(own.fullmatch(key) for key in arrays):
            return 0.0
        known = re.compile("|".join((*self.keys, *self.own)))
        keys = [key for key, array in arrays.items() if array.ndim]
        return sum(bool(known.fullmatch(key)) for key in keys) / max(1, len(keys))

    def label(self, path: str) -> str:
        """What a group is called in messages and by ``which``: its path without wrappers."""
        parts = path.removeprefix("models.").split(".")
        # A network is found beside others as `state_dict.generator` or `generator.state_dict`.
        short = ".".join(part for part in parts if part != "state_dict") or path
        return self.labels.get(short, short)


def plain_settings(node: Any) -> dict[str, Any]:
    """The plain values (truth, numbers, text) of a configuration; empty where there is none."""
    settings = {}
    for name, value in named_children(node).items():
        value = value.item() if isinstance(value, np.generic) else value
        if type(value) in (bool, int, float, str):
            settings[name] = value
    return settings


def count(arrays: Mapping[str, np.ndarray], pattern: str) -> int:
    """One more than the highest index that ``pattern``'s group finds in the keys; 0 for none."""
    found = (re.fullmatch(pattern, key) for key in arrays)
    return max((int(match[1]) + 1 for match in found if match), default=0)
