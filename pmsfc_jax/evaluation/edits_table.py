"""Measures of edits beside those of random partitions, as a table in Markdown."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pmsfc_jax.effects.comparison import Comparison
from pmsfc_jax.evaluation.edits import MEASURES

_BETTER = {1: "more", -1: "less", 0: ""}


def as_markdown(record: Mapping[str, Any]) -> str:
    """The table of a record: ``measures``, each of ``value`` and ``random``, and what they are of.

    Args:
      record: with ``generator``, ``layer``, ``sizes``, ``pairs``, ``num_random``, ``num_parts``,
        ``own``, ``unedited_precision`` and ``measures``.

    """
    header = ["measure", "better", "subspaces", "random (least to most)", "subspaces are"]
    lines = [header, ["---"] * len(header)]
    for name, row in record["measures"].items():
        measure, random = MEASURES[name], np.array(row["random"])
        lines.append([
            f"{name}: {measure.text}",
            _BETTER[measure.sign],
            f"{row['value']:.3f}",
            f"{random.mean():.3f} ({random.min():.3f} to {random.max():.3f})",
            _verdict(Comparison(row["value"], random).beyond(), measure.sign),
        ])  # fmt: skip
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    note = (
        f"{record['generator']}, layer {record['layer']}: {len(record['sizes'])} subspaces of "
        f"{', '.join(map(str, record['sizes']))} channels beside {record['num_random']} random "
        f"partitions of the same sizes, on the same {record['pairs']} pairs; "
        f"{record['num_parts']} parts."
    )
    if record["unedited_precision"] is not None:
        note += (
            f" Precision among {record['own']} pictures of the generator; of the pictures before "
            f"the edit it is {record['unedited_precision']:.3f}."
        )
    return f"{table}\n\n{note}\n"


def _verdict(beyond: int, sign: int) -> str:
    if not beyond:
        return "among them"
    if not sign:
        return "more than all" if beyond > 0 else "less than all"
    return "better than all" if beyond * sign > 0 else "worse than all"
