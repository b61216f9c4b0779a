"""All layouts, and finding the one that a checkpoint is of."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.layouts.dcgan import fletchersarip93, pytorch_examples
from pmsfc_jax.weights.layouts.judges import lpips_heads, squeezenet, vgg16_torchvision
from pmsfc_jax.weights.layouts.layout import Group, Layout, find_group
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
from pmsfc_jax.weights.layouts.stylegan2 import rosinality as stylegan2_rosinality
from pmsfc_jax.weights.networks.state_dicts import find_state_dicts

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
    vgg16_torchvision.LAYOUT,
    squeezenet.TORCHVISION,
    squeezenet.CAFFE,
    lpips_heads.LAYOUT,
)

# Share of its keys that a layout has to know before a file counts as a damaged one of that layout.
_ENOUGH = 0.6


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
      which: the network's name; by default the averaged generator, else the only one there is.
      described: the layout that the user describes; it is taken instead of all known ones.

    Raises:
      InputError: no network has a known layout, or ``which`` does not name one that has, or several
        could be meant.

    """
    groups = find_state_dicts(tree)
    found: dict[str, tuple[Layout, str]] = {}
    for path, arrays in groups.items():
        layout = best_layout(arrays)
        if described is not None:
            layout = described if described.score(arrays) else None
        if layout is not None:
            name = layout.label(path)
            found[path if name in found else name] = (layout, path)
    if not found and described is not None and groups:
        raise InputError(f"no network in the file has layers named {described.codebases}")
    if not found:
        raise InputError(_unknown(groups))
    name = _choose(found, which)
    layout, path = found[name]
    return Recognised(layout, find_group(tree, path, groups[path]), name, tuple(found))


def _choose(found: Mapping[str, tuple[Layout, str]], which: str | None) -> str:
    choices = ", ".join(name or "(the whole file)" for name in found)
    if which is not None:
        for name, (_, path) in found.items():
            if which in (name, path):
                return name
        raise InputError(f"there is no generator {which!r} in the file; choose one of: {choices}")
    if len(found) == 1:
        return next(iter(found))
    layouts = {layout.name: layout for layout, _ in found.values()}
    for layout in layouts.values():
        for name in layout.preferred:
            if name in found:
                return name
    raise InputError(f"the file holds several generators; choose one with which: {choices}")


def _unknown(groups: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    known = ", ".join(layout.name for layout in LAYOUTS)
    if not groups:
        return f"the file holds no named arrays, so no network; known layouts are {known}"
    path, arrays = max(groups.items(), key=lambda item: len(item[1]))
    first = ", ".join(list(arrays)[:4])
    where = f" of {path!r}" if path else ""
    return (
        f"no known layout: the {len(arrays)} keys{where} begin with {first}; "
        f"known layouts are {known}"
    )
