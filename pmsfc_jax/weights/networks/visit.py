"""Walk the tree of a checkpoint, which may hold itself."""

from collections.abc import Callable, Iterable
from typing import Any

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.reader.records import Record

#: Parts of a node by name.
Children = Iterable[tuple[Any, Any]]

# A tree may hold itself, or the same object along very many paths.
_MAX_DEPTH = 64
_MAX_SEEN = 3_000_000


def visit(tree: Any, look: Callable[[str, Any, Any], Children]) -> None:
    """Call `look` with path, node and parent of containers and records, in the file's order.

    It returns the node's children by name; those that are containers or records are visited next.

    Raises:
        InputError: The tree nests more deeply, or in more ways, than any checkpoint does.

    """
    seen = 0
    waiting: list[tuple[tuple[str, ...], Any, Any]] = [((), tree, None)]
    while waiting:
        path, node, parent = waiting.pop()
        below = [
            ((*path, str(name)), child, node)
            for name, child in look(".".join(path), node, parent)
            if isinstance(child, dict | list | tuple | Record)
        ]
        waiting.extend(reversed(below))
        seen += 1 + _breadth(node)
        if len(path) > _MAX_DEPTH or seen > _MAX_SEEN:
            raise InputError(
                "the checkpoint's objects hold one another without end; expected the weights of a "
                "network: save its state_dict() alone"
            )


def named_children(node: Any) -> dict[str, Any]:
    """What a container or record holds, by name."""
    if isinstance(node, Record):
        return dict(node.attributes)
    if isinstance(node, dict):
        return {str(name): child for name, child in node.items()}
    if isinstance(node, list | tuple):
        return {str(index): child for index, child in enumerate(node)}
    return {}


def _breadth(node: Any) -> int:
    """Count what looking at a node takes, so that one held in many places counts each time."""
    if isinstance(node, Record):
        return sum(_breadth(part) for part in (node.items, node.state) if isinstance(part, dict))
    return len(node) if isinstance(node, dict | list | tuple) else 0
