"""Dotted names of arrays: wrappers in them, prefixes of networks, and what averages are called."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from pmsfc_jax.weights.networks.group import Group

Value = TypeVar("Value")

#: What data-parallel training, compiling, sharding and checkpointing put into names, anywhere.
WRAPPERS = frozenset(
    {
        "module",
        "_orig_mod",
        "_forward_module",
        "_fsdp_wrapped_module",
        "_checkpoint_wrapped_module",
    }
)
#: Words that call a network an average of others over the course of training.
AVERAGES = frozenset(
    {"ema", "avg", "average", "averaged", "running", "shadow", "smooth", "swa", "polyak"}
)
#: Counter that `torch.optim.swa_utils.AveragedModel` keeps among its arrays.
AVERAGE_COUNTER = "n_averaged"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def words(path: str) -> set[str]:
    """The words of a path in lower case: of ``"netG_ema"`` net, g, ema."""
    return {word.lower() for word in _WORD.findall(path)}


def is_average(group: Group) -> bool:
    """Tell by its name, or by a counter among its arrays, whether a network is an average."""
    return group.averaged or not AVERAGES.isdisjoint(words(group.path))


def without_wrappers(name: str) -> str:
    """Remove the components of a dotted name that wrappers put there."""
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def unwrapped(values: Mapping[str, Value]) -> dict[str, Value]:
    """The values under names without wrappers; under their own where two would be the same."""
    short = {without_wrappers(name): value for name, value in values.items()}
    return short if len(short) == len(values) and "" not in short else dict(values)


def by_prefix(group: Group) -> Iterator[Group]:
    """Split a network by the first component of its arrays' names.

    A training program that is saved as one module has its networks side by side:
    ``generator.main.0.weight``, ``discriminator.main.0.weight``.
    """
    for prefix in dict.fromkeys(_prefixes(group.arrays)):
        path = f"{group.path}.{prefix}" if group.path else prefix
        yield settled(
            group._replace(
                path=path,
                arrays=_below(group.arrays, prefix),
                passed_over=_below(group.passed_over, prefix),
                layers={
                    name: layer._replace(sequence=_shortened(layer.sequence, prefix))
                    for name, layer in _below(group.layers, prefix).items()
                },
                averaged=False,
            )
        )


def settled(group: Group) -> Group:
    """Take the counter of averaging out of the arrays."""
    if AVERAGE_COUNTER not in group.arrays:
        return group
    return group._replace(
        arrays={name: a for name, a in group.arrays.items() if name != AVERAGE_COUNTER},
        passed_over={**group.passed_over, AVERAGE_COUNTER: "a counter of averaging"},
        averaged=True,
    )


def _prefixes(names: Iterable[str]) -> Iterator[str]:
    return (prefix for prefix, dot, _ in (name.partition(".") for name in names) if dot)


def _below(values: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    start = f"{prefix}."
    return {name.removeprefix(start): v for name, v in values.items() if name.startswith(start)}


def _shortened(sequence: str | None, prefix: str) -> str | None:
    if sequence is None or sequence == prefix:
        return None if sequence is None else ""
    return sequence.removeprefix(f"{prefix}.")
