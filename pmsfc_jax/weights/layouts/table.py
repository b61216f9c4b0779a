"""All layouts, and finding the one that a checkpoint is of."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.layouts.biggan import ajbrock, huggingface
from pmsfc_jax.weights.layouts.dcgan import fletchersarip93, pytorch_examples
from pmsfc_jax.weights.layouts.dcgan.described import described_layout as described_layout
from pmsfc_jax.weights.layouts.judges import (
    lpips_heads,
    squeezenet,
    vgg16_oxford,
    vgg16_torchvision,
)
from pmsfc_jax.weights.layouts.layout import Group, Layout
from pmsfc_jax.weights.layouts.pggan import (
    akanimax,
    gandissect,
    genforce,
    mganprior,
    odegeasslbc,
    ptrblck,
    rosinality,
    tf,
    zoo,
)
from pmsfc_jax.weights.layouts.stylegan2 import nvlabs as stylegan2_nvlabs
from pmsfc_jax.weights.layouts.stylegan2 import openmmlab as stylegan2_openmmlab
from pmsfc_jax.weights.layouts.stylegan2 import rosinality as stylegan2_rosinality
from pmsfc_jax.weights.layouts.unknown import unknown
from pmsfc_jax.weights.networks.find import find_groups
from pmsfc_jax.weights.networks.names import by_prefix, is_average, words

LAYOUTS: tuple[Layout, ...] = (
    mganprior.LAYOUT,
    genforce.LAYOUT,
    ptrblck.LAYOUT,
    gandissect.LAYOUT,
    zoo.LAYOUT,
    akanimax.V2,
    akanimax.V3,
    rosinality.LAYOUT,
    odegeasslbc.LAYOUT,
    tf.LAYOUT,
    pytorch_examples.LAYOUT,
    fletchersarip93.LAYOUT,
    stylegan2_nvlabs.LAYOUT,
    stylegan2_rosinality.LAYOUT,
    stylegan2_openmmlab.LAYOUT,
    ajbrock.LAYOUT,
    huggingface.LAYOUT,
    vgg16_torchvision.LAYOUT,
    vgg16_oxford.CAFFE,
    vgg16_oxford.KERAS,
    squeezenet.TORCHVISION,
    squeezenet.CAFFE,
    lpips_heads.LAYOUT,
)

# Share of its keys that a layout has to know before a file counts as a damaged one of that layout.
_ENOUGH = 0.6


# How many dotted prefixes deep a network may stand, and how many are looked into.
_MAX_PREFIXES, _MAX_PARTS = 6, 10_000
_DISCRIMINATORS = frozenset({"d", "disc", "discriminator", "critic"})
_GENERATORS = frozenset({"g", "gs", "gen", "generator"})


class Recognised(NamedTuple):
    """What a checkpoint was found to be.

    Attributes:
      layout: of the network that was chosen.
      group: that network.
      name: what it is called; empty where the file is one network.
      candidates: names of all networks that could have been chosen.

    """

    layout: Layout
    group: Group
    name: str
    candidates: tuple[str, ...]


def best_layout(arrays: Mapping[str, np.ndarray]) -> Layout | None:
    """The layout that knows most of the keys; ``None`` where none knows enough of them."""
    score, layout = max(((layout.score(arrays), layout) for layout in LAYOUTS), key=lambda p: p[0])
    return layout if score >= _ENOUGH else None


def recognise(
    tree: Any, which: str | None = None, *, described: Layout | None = None
) -> Recognised:
    """Find the network to convert in a checkpoint's tree.

    Args:
      tree: `Checkpoint.tree`.
      which: the network's name; by default an averaged generator, else the only one there is.
      described: the layout that the user describes; it is taken instead of all known ones.

    Raises:
      InputError: no network has a known layout, or ``which`` does not name one that has, or several
        could be meant.

    """
    groups = find_groups(tree)

    def layout_of(arrays: Mapping[str, np.ndarray]) -> Layout | None:
        if described is not None:
            return described if described.score(arrays) else None
        return best_layout(arrays)

    found: dict[str, tuple[Layout, Group]] = {}
    for layout, group in _networks(groups, layout_of):
        name = layout.label(group.path)
        found[group.path if name in found else name] = (layout, group)
    if not found and described is not None and groups:
        raise InputError(f"no network in the file has layers named {described.codebases}")
    if not found:
        raise InputError(unknown(groups, [layout.name for layout in LAYOUTS]))
    name = _choose(found, which)
    layout, group = found[name]
    return Recognised(layout, _without_numbers(layout, group), name, tuple(found))


def _networks(
    groups: Iterable[Group], layout_of: Callable[[Mapping[str, np.ndarray]], Layout | None]
) -> Iterator[tuple[Layout, Group]]:
    """The networks of a known layout, in the file's order: groups, or parts of them by prefix."""
    waiting = [(group, 0) for group in groups][::-1]
    parts = 0
    while waiting:
        group, depth = waiting.pop()
        layout = layout_of(group.arrays)
        if layout is not None:
            yield layout, group
        elif depth < _MAX_PREFIXES and len(group.arrays) > 1 and parts < _MAX_PARTS:
            below = list(by_prefix(group))
            parts += len(below)
            waiting.extend((part, depth + 1) for part in reversed(below))


def _without_numbers(layout: Layout, group: Group) -> Group:
    """Pass over single numbers that the layout has no use for: a step, an epoch."""
    others = [n for n, array in group.arrays.items() if not array.ndim and not layout.knows(n)]
    return group._replace(
        arrays={name: array for name, array in group.arrays.items() if name not in others},
        passed_over={**group.passed_over, **dict.fromkeys(others, "a number")},
    )


def _choose(found: Mapping[str, tuple[Layout, Group]], which: str | None) -> str:
    choices = ", ".join(name or "(the whole file)" for name in found)
    if which is not None:
        for name, (_, group) in found.items():
            if which in (name, group.path):
                return name
        raise InputError(f"there is no generator {which!r} in the file; choose one of: {choices}")

    def some(names: list[str], wanted: Callable[[str], bool]) -> list[str]:
        return [name for name in names if wanted(name)] or names

    names = some(list(found), lambda name: _DISCRIMINATORS.isdisjoint(words(name)))
    names = some(names, lambda name: is_average(found[name][1]))
    if len(names) > 1:
        for preferred in (name for layout, _ in found.values() for name in layout.preferred):
            if preferred in names:
                return preferred
        names = some(names, lambda name: not _GENERATORS.isdisjoint(words(name)))
    if len(names) > 1:
        raise InputError(f"the file holds several generators; choose one with --which: {choices}")
    return names[0]
