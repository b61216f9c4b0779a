"""The tables of ``docs/editing.md``, from what the benchmarks of edits wrote."""

from collections.abc import Callable

from measured import read

from pmsfc_jax.evaluation import edited_inversions, edits_table

METHODS = {
    "single": "one code",
    "pmsfc": "equation 7",
    "pmsfc_full": "full weights (the default of `pmsfc invert`)",
}


def edits_faces64() -> str:
    """Measures of edits of the published face generator."""
    return edits_table.as_markdown(read("edits_faces64"))


def edits_tops() -> str:
    """Measures of edits of the embedded prior."""
    return edits_table.as_markdown(read("edits_pggan_tops32"))


def edit_methods() -> str:
    """Fidelity and what is left of it after exchanges, by method of the inversion."""
    rows = read("edit_methods_faces64")["methods"]
    return edited_inversions.as_markdown({METHODS[name]: row for name, row in rows.items()})


EDIT_TABLES: dict[str, Callable[[], str]] = {
    "edits_faces64": edits_faces64,
    "edits_tops": edits_tops,
    "edit_methods": edit_methods,
}
