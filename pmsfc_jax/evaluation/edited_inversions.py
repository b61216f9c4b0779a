"""Which inversions can be edited: fidelity beside what is left after subspaces are exchanged.

The same pictures, inverted in several ways, exchange one subspace at a time with each other. An
inversion whose features lie far from the generator's own may redraw a picture well and still fall
apart when a subspace is exchanged.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import render
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_uint8
from pmsfc_jax.core.typing import Key
from pmsfc_jax.evaluation.edits import Pairs, Question, edits_beside_random
from pmsfc_jax.inversion.drawing import Drawing, composed
from pmsfc_jax.metrics import psnr

#: Ordered pairs that exchange, at most; of more pictures those that are nearest in their order.
MOST_PAIRS = 64


def ordered_pairs(count: int, most: int = MOST_PAIRS) -> tuple[list[int], list[int]]:
    """Who is changed, and who gives: all ordered pairs of ``count`` pictures, or the nearest ones.

    Every picture is changed as often as another, up to one.

    Raises:
      InputError: there is one picture only.

    """
    if count < 2:
        raise InputError("there is one picture only: pictures exchange subspaces with each other")
    pairs = [(i, (i + step) % count) for step in range(1, count) for i in range(count)][:most]
    first, second = zip(*pairs, strict=True)
    return list(first), list(second)


def measure_inversion(
    question: Question,
    drawing: Drawing,
    targets: np.ndarray,
    masks: np.ndarray,
    *,
    key: Key,
    num_random: int = 4,
) -> dict[str, Any]:
    """One row of the table, as JSON values.

    Args:
      question: what is measured, with any pairs: features of its ``h_a`` are taken as the
        generator's own, and its pairs are replaced by those of ``drawing``.
      drawing: of all pictures.
      targets: what was inverted, ``[n, H, W, 3]`` uint8.
      masks: ``[R, C]``, the partition that is exchanged.
      key: a jax random key, of the random partitions.
      num_random: how many.

    Returns:
      ``psnr`` of every picture; ``size_of_features``, their mean absolute value over that of the
      generator's own; ``unedited_precision``; ``measures``, each of ``value`` and ``random``.

    Raises:
      InputError: there is one picture only, or the drawing is of another cut.

    """
    if drawing.layer != question.layer:
        raise InputError(
            f"the pictures were cut at layer {drawing.layer} and edits are measured at layer "
            f"{question.layer}"
        )
    h, context = composed(question.generator, question.params, drawing)
    pictures = to_uint8(render(question.generator, question.params, drawing))
    first, second = ordered_pairs(len(drawing))
    own = jax.tree.map(lambda leaf: leaf[first], context)
    asked = replace(question, pairs=Pairs(h[first], h[second], own))
    beside = edits_beside_random(asked, masks, key=key, num_random=num_random)
    return {
        "psnr": np.asarray(psnr(targets, pictures)).tolist(),
        "size_of_features": float(np.abs(h).mean() / np.abs(question.pairs.h_a).mean()),
        "unedited_precision": beside.unedited,
        "measures": {
            name: {"value": row.value, "random": row.random.tolist()}
            for name, row in beside.measures.items()
        },
    }


def as_markdown(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Rows of `measure_inversion` by what the table calls them."""
    header = ["inverted by", "PSNR dB", "size of features", "change, levels"]
    header += ["concentration", "beside random"]
    judged = all("precision" in row["measures"] for row in rows.values())
    if judged:
        header += ["precision before", "after an exchange", "beside random"]
    lines = [header, ["---"] * len(header)]
    for name, row in rows.items():
        measures = row["measures"]
        cells = [name, f"{np.mean(row['psnr']):.1f}", f"{row['size_of_features']:.2f}"]
        cells += [f"{measures['change']['value']:.1f}", *_beside(measures["concentration"], 2)]
        if judged:
            cells += [f"{row['unedited_precision']:.2f}", *_beside(measures["precision"], 2)]
        lines.append(cells)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _beside(measure: Mapping[str, Any], digits: int) -> tuple[str, str]:
    """A value, and the mean and range of the random ones."""
    random = np.array(measure["random"])
    low, high = random.min(), random.max()
    return (
        f"{measure['value']:.{digits}f}",
        f"{random.mean():.{digits}f} ({low:.{digits}f} to {high:.{digits}f})",
    )
