"""What a direction is, which of several is meant, and one without what it shares with others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import jax
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator

Space = Literal["latent", "feature"]


@dataclass(frozen=True, eq=False)
class Directions:
    """``n`` directions of one generator.

    Attributes:
      space: ``latent``, of one code, or ``feature``, at the cut.
      steps: what an amount of 1 adds: leaves ``[n, ...]`` of the structure of one code, or an array
        ``[n, H, W, C]`` or ``[n, 1, 1, C]`` of features.
      names: one each.
      layer: the cut, of features; ``None`` for latent directions.
      subspaces: numbers of those that a feature's direction is limited to; ``None`` for all.
      generator: name of the generator; empty where it is not known.
      identity: hash of its stored weights; empty where it is not known.
      about: how they were found, as JSON values.

    """

    space: Space
    steps: Any
    names: tuple[str, ...]
    layer: int | None = None
    subspaces: tuple[int, ...] | None = None
    generator: str = ""
    identity: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> Any:
        """The step of one direction."""
        return jax.tree.map(lambda leaf: leaf[number], self.steps)

    def __repr__(self) -> str:
        of = self.generator or "a generator"
        where = "" if self.layer is None else f" at layer {self.layer}"
        return f"<{len(self)} {self.space} directions of {of}{where}>"

    def chosen(self, which: str) -> "Directions":
        """One of them, by its name or its number from 0.

        Raises:
          InputError: there is none of that name or number.

        """
        if which in self.names:
            number = self.names.index(which)
        elif which.isdecimal() and int(which) < len(self):
            number = int(which)
        else:
            raise InputError(
                f"there is no direction {which!r}: there are {', '.join(self.names)}, or 0 to "
                f"{len(self) - 1}"
            )
        steps = jax.tree.map(lambda leaf: leaf[number : number + 1], self.steps)
        return replace(self, steps=steps, names=(self.names[number],))


def check_directions(generator: SplitGenerator, directions: Directions, layer: int) -> None:
    """Check that pictures of ``generator`` that were cut at ``layer`` can be moved along them.

    Raises:
      InputError: they are of other weights, of another layer, or of another size.

    """
    spec = generator.spec
    if directions.identity and spec.identity and directions.identity != spec.identity:
        raise InputError(
            f"these directions are of {directions.generator} (weights "
            f"{directions.identity[:12]}), not of {spec.name} (weights {spec.identity[:12]})"
        )
    if directions.space == "latent":
        given = [leaf.shape[1:] for leaf in jax.tree.leaves(directions.steps)]
        if given != list(spec.latent_sizes):
            raise InputError(
                f"the direction has {_words(given)} numbers and a code of {spec.name} has "
                f"{_words(spec.latent_sizes)}: use one of this generator"
            )
        return
    if directions.layer != layer:
        raise InputError(
            f"these directions are of layer {directions.layer} and the pictures were cut at layer "
            f"{layer}: find directions there"
        )
    shape, expected = directions.steps.shape[1:], spec.feature_shape(layer)
    if shape not in (expected, (1, 1, expected[2])):
        raise InputError(
            f"the direction has {_words([shape])} numbers and the feature at layer {layer} of "
            f"{spec.name} has {_words([expected])}: use one of this generator"
        )


def conditioned(directions: Directions, others: Sequence[Directions]) -> Directions:
    """Directions without what they share with others, at their own lengths (InterFaceGAN).

    Each is projected onto the space that is orthogonal to all of ``others``, so that moving along
    it leaves linear classifiers of those as they are.

    Args:
      directions: that are to be used.
      others: along which nothing is to change.

    Raises:
      InputError: spaces or sizes differ, or nothing is left.

    """
    rows = vectors(directions)
    for other in others:
        if other.space != directions.space or vectors(other).shape[1] != rows.shape[1]:
            raise InputError(
                "a direction can be made independent of others of its own kind and size only"
            )
    if not others:
        return directions
    basis, singular, _ = np.linalg.svd(
        np.concatenate([vectors(other) for other in others]).T, full_matrices=False
    )
    basis = basis[:, singular > 1e-8 * singular[0]]
    left = rows - (rows @ basis) @ basis.T
    before, after = (np.linalg.norm(x, axis=1, keepdims=True) for x in (rows, left))
    gone = after[:, 0] < 1e-5 * before[:, 0]
    if gone.any():
        raise InputError(
            f"nothing is left of direction {directions.names[int(np.flatnonzero(gone)[0])]}: it is "
            "one of those that it was to be independent of"
        )
    return replace(directions, steps=_unflat(left * before / after, directions.steps))


def vectors(directions: Directions) -> np.ndarray:
    """Their steps as rows ``[n, d]`` float64."""
    leaves = jax.tree.leaves(directions.steps)
    rows = [np.asarray(leaf, np.float64).reshape(len(leaf), -1) for leaf in leaves]
    return np.concatenate(rows, axis=1)


def _unflat(rows: np.ndarray, like: Any) -> Any:
    """The inverse of `vectors`, float32."""
    leaves, structure = jax.tree.flatten(like)
    ends = np.cumsum([leaf[0].size for leaf in leaves])[:-1]
    parts = np.split(rows.astype(np.float32), ends, axis=1)
    shaped = [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
    return jax.tree.unflatten(structure, shaped)


def _words(shapes: Any) -> str:
    return " and ".join("x".join(map(str, shape)) for shape in shapes)
