"""A drawing: codes and all that is needed to draw pictures from them again.

A drawing is what is rendered, saved, edited. Each picture is drawn alone, so that the same codes
give the same bits whatever was beside them.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion import compose
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.compositions import Composition, composition_of


@dataclass(frozen=True, eq=False)
class Drawing:
    """Codes of ``n`` pictures, and how they are drawn. Arrays are numpy's.

    Attributes:
      codes: leaves ``[n, ...]``, see `Codes`.
      masks: ``[R, C]``, the partition they were found with.
      layer: the cut.
      composition: name of the composition.
      precision: of the matrix products that drawing has to use to redraw exactly.
      generator: name of the generator.
      identity: hash of its stored weights; empty where they never were stored.

    """

    codes: Codes
    masks: np.ndarray
    layer: int
    composition: str
    precision: str = "default"
    generator: str = ""
    identity: str = ""

    def __len__(self) -> int:
        return len(self.codes.w)

    def __getitem__(self, rows: Any) -> "Drawing":
        """The drawing of some pictures; one number gives a drawing of one."""
        rows = np.atleast_1d(np.arange(len(self))[rows])
        return replace(self, codes=jax.tree.map(lambda leaf: leaf[rows], self.codes))

    def __repr__(self) -> str:
        sets, codes = self.codes.w.shape[1:3]
        plural = "picture" if len(self) == 1 else "pictures"
        return (
            f"<{len(self)} {plural} of {self.generator or 'a generator'} at layer {self.layer}: "
            f"{self.composition}, {sets} x {codes} codes>"
        )


def join(drawings: list[Drawing]) -> Drawing:
    """Drawings of the same settings as one.

    Raises:
      InputError: there is none, or they differ in settings or partition.

    """
    if not drawings:
        raise InputError("there is no drawing to join")
    first = drawings[0]
    for other in drawings[1:]:
        check_alike(first, other)
    codes = jax.tree.map(lambda *leaves: np.concatenate(leaves), *(d.codes for d in drawings))
    return replace(first, codes=codes)


def check_alike(a: Drawing, b: Drawing) -> None:
    """Check that two drawings are of one generator, cut, composition and partition.

    Raises:
      InputError: they are not.

    """
    if _facts(a) != _facts(b) or not np.array_equal(a.masks, b.masks):
        raise InputError(
            f"{b!r} and {a!r} differ in generator, settings or partition: they cannot be joined"
        )


def _facts(drawing: Drawing) -> tuple[Any, ...]:
    names = ("layer", "composition", "precision", "generator", "identity")
    return tuple(getattr(drawing, name) for name in names)


def check_drawing(generator: SplitGenerator, drawing: Drawing) -> Cut:
    """The cut that a drawing is drawn at, if ``generator`` is the one it was found with.

    Raises:
      InputError: it was found with other weights, or cannot belong to this generator.

    """
    spec = generator.spec
    if drawing.identity and spec.identity and drawing.identity != spec.identity:
        raise InputError(
            f"these codes were found with {drawing.generator} (weights {drawing.identity[:12]}), "
            f"not with {spec.name} (weights {spec.identity[:12]})"
        )
    cut, codes = Cut(generator, drawing.layer), drawing.codes
    latent = [tuple(leaf.shape[3:]) for leaf in jax.tree.leaves(codes.latent)]
    channels = codes.w.shape[-1]
    if latent != list(spec.latent_sizes) or channels != cut.channels:
        raise InputError(
            f"these codes have shapes {_words(latent)} each and weights for {channels} channels; "
            f"{spec.name} takes {_words(spec.latent_sizes)} and has {cut.channels} at layer "
            f"{drawing.layer}"
        )
    return cut


def _words(shapes: Any) -> str:
    return " and ".join("x".join(map(str, shape)) for shape in shapes)


@partial(jax.jit, static_argnames=("cut", "composition", "precision"))
def _composed_one(
    cut: Cut, composition: Composition, params: Params, codes: Codes, masks: Array, precision: str
) -> tuple[Array, Any]:
    with jax.default_matmul_precision(precision):
        heads = compose.head_features(cut, params, codes.latent)
        rows = composition.rows(masks)
        h, context, _ = compose.composed(cut, composition, heads, codes.w, codes.context, rows)
    return h, context


@partial(jax.jit, static_argnames=("cut", "precision"))
def _tail_one(cut: Cut, params: Params, h: Array, context: Any, precision: str) -> Array:
    with jax.default_matmul_precision(precision):
        return cut.tail(params, h, context)


def composed(generator: SplitGenerator, params: Params, drawing: Drawing) -> tuple[np.ndarray, Any]:
    """The composed features of a drawing: half of drawing it, and where editing acts.

    Args:
      generator: the one it was found with.
      params: its weights.
      drawing: of ``n`` pictures.

    Returns:
      ``h [n, H, W, C]`` and the context, leaves ``[n, ...]``; ``None`` for plain stacks.

    Raises:
      InputError: the codes belong to other weights.

    """
    cut, composition = check_drawing(generator, drawing), composition_of(drawing.composition)
    masks = jnp.asarray(drawing.masks, jnp.float32)
    parts = [
        jax.tree.map(
            np.asarray,
            _composed_one(
                cut, composition, params, _arrays(drawing, row), masks, drawing.precision
            ),
        )
        for row in range(len(drawing))
    ]
    h, context = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    return h, context


def draw_features(
    generator: SplitGenerator,
    params: Params,
    h: np.ndarray,
    context: Any,
    *,
    layer: int,
    precision: str = "default",
) -> np.ndarray:
    """Pictures ``[n, H, W, 3]`` of composed features, each drawn alone: the other half.

    Args:
      generator: its tail draws.
      params: its weights.
      h: ``[n, H', W', C]``.
      context: leaves ``[n, ...]``, as `composed` gives it.
      layer: the cut.
      precision: of matrix products.

    """
    cut = Cut(generator, layer)
    images = [
        np.asarray(
            _tail_one(
                cut,
                params,
                jnp.asarray(h[row : row + 1]),
                jax.tree.map(lambda leaf, row=row: jnp.asarray(leaf[row : row + 1]), context),
                precision,
            )
        )
        for row in range(len(h))
    ]
    return np.concatenate(images)


def draw(generator: SplitGenerator, params: Params, drawing: Drawing) -> np.ndarray:
    """The pictures of a drawing, ``[n, H, W, 3]`` float32, nominally in [-1, 1].

    Raises:
      InputError: the codes belong to other weights.

    """
    h, context = composed(generator, params, drawing)
    return draw_features(
        generator, params, h, context, layer=drawing.layer, precision=drawing.precision
    )


def _arrays(drawing: Drawing, row: int) -> Codes:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf[row : row + 1]), drawing.codes)
