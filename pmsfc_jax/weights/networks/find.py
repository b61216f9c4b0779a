"""Find the networks in a checkpoint's tree and bring each into one flat form.

A network is a dict of arrays, a whole pickled module, or a TensorFlow network (a list of names with
values). Its arrays get the names that PyTorch's ``state_dict()`` (or TensorFlow's variables) would
give, in the order of the file, without what wrappers such as `torch.nn.DataParallel` add.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.weights.networks.group import Group, Layer, StateDict
from pmsfc_jax.weights.networks.module import flatten_module, is_module, what_it_is
from pmsfc_jax.weights.networks.names import settled, unwrapped
from pmsfc_jax.weights.networks.visit import Children, named_children, visit
from pmsfc_jax.weights.reader.records import Record


def find_groups(tree: Any) -> list[Group]:
    """List every network in a tree.

    Optimizers are passed over, as are empty dicts. What is no array neither hides the arrays
    around it nor spoils them: it is listed in `Group.passed_over`, and looked into if it is a
    container.

    Args:
        tree: `Checkpoint.tree`, or a part of it.

    Returns:
        Networks by their path in the tree: keys, attribute names and positions joined with dots,
        ``""`` where the tree itself is one. For example ``"generator_smooth"``, ``"g_ema"``,
        ``"avgG"``, ``"generator.state_dict"``, or ``"2"`` in the official triple (G, D, Gs).

    Raises:
        InputError: The tree nests more deeply, or in more ways, than any checkpoint does.

    """
    found: list[Group] = []

    def look(path: str, node: Any, parent: Any) -> Children:
        network = _network(node)
        if network.arrays:
            own = named_children(node) if isinstance(node, Record) else {}
            group = Group(path, network.arrays, network.passed_over, network.layers, own)
            found.append(settled(group._replace(beside=named_children(parent))))
        return network.children

    visit(tree, look)
    return found


class _Network(NamedTuple):
    arrays: StateDict
    passed_over: Mapping[str, str]
    layers: Mapping[str, Layer]
    children: Children


def _network(node: Any) -> _Network:
    """What a node is as a network: without arrays, if it is none."""
    if is_module(node):
        return _Network(*flatten_module(node), ())
    if isinstance(node, Record):
        variables = node.attributes.get("variables")
        if _are_variables(variables):
            node = variables
        elif isinstance(node.items, dict):
            node = node.items  # a subclass of a dict
    children: Children = ()
    if _are_variables(node):
        entries = dict(node)
    elif isinstance(node, dict) and {"state", "param_groups"} <= node.keys():
        # An optimizer's averages have the shapes of weights and are none.
        return _Network({}, {}, {}, ())
    elif isinstance(node, dict):
        entries, children = node, node.items()
    else:
        return _Network({}, {}, {}, named_children(node).items())
    arrays, others = {}, {}
    for name, value in entries.items():
        if type(name) is not str:
            continue
        # A plain number may be one of the network's facts: a level of detail.
        if isinstance(value, np.ndarray | np.generic) or type(value) in (bool, int, float):
            arrays[name] = np.asarray(value)
        else:
            others[name] = what_it_is(value)
    if not any(isinstance(value, np.ndarray | np.generic) for value in entries.values()):
        arrays = {}
    return _Network(unwrapped(arrays), unwrapped(others), {}, children)


def _are_variables(node: Any) -> bool:
    """Tell whether a node is TensorFlow's list of variables: names with values."""
    return (
        isinstance(node, list)
        and bool(node)
        and all(type(pair) is tuple and len(pair) == 2 for pair in node)
        and all(type(name) is str for name, _ in node)
    )
