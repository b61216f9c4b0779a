"""What a checkpoint says about one of its networks."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

StateDict = dict[str, np.ndarray]


class Layer(NamedTuple):
    """A layer of a whole pickled module that has arrays, or no layers below it.

    Attributes:
      kind: name of its class, without the module it is in: ``"BatchNorm2d"``.
      settings: its plain attributes, such as ``eps``, ``negative_slope``, ``stride``.
      sequence: path of the `torch.nn.Sequential` that it stands in, whose order is the order of
        computing; ``None`` where the order is not known.

    """

    kind: str
    settings: Mapping[str, Any]
    sequence: str | None


class Group(NamedTuple):
    """One network of a checkpoint.

    Attributes:
      path: where it stands in the file's tree, ``""`` where it is the whole file; what follows the
        keys of the tree is the prefix that its arrays' names share.
      arrays: its arrays by their native names, without what wrappers put into them.
      passed_over: what else stands among the arrays and is none, by name: what it is.
      layers: of a whole pickled module, by their path in it, in the file's order.
      node: attributes of the object that holds the arrays, where it is more than a dict of them.
      beside: what stands beside it in the tree, by name (a configuration, for instance).
      averaged: whether a counter of averaging (``n_averaged``) stands among the arrays.

    """

    path: str
    arrays: Mapping[str, np.ndarray]
    passed_over: Mapping[str, str] = {}
    layers: Mapping[str, Layer] = {}
    node: Mapping[str, Any] = {}
    beside: Mapping[str, Any] = {}
    averaged: bool = False
