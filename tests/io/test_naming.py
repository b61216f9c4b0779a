"""Photographs keep their names in a run however they are given, and never take another's."""

from pathlib import Path

from pmsfc_jax.io.naming import names_in_run
from pmsfc_jax.io.paths import unique_stems
from pmsfc_jax.io.photographs import PhotographFile


def files(**sha256s):
    """Photographs by their paths, ``__`` for a slash: ``a__x="1"`` is ``/a/x.jpg``."""
    paths = [Path("/" + path.replace("__", "/") + ".jpg") for path in sha256s]
    names = unique_stems(paths)
    return [PhotographFile(*entry) for entry in zip(paths, names, sha256s.values(), strict=True)]


def rows(found):
    return {f.name: {"source": f.source, "source_sha256": f.sha256} for f in found}


def names(given, known=(), planned=()):
    return [file.name for file in names_in_run(given, rows(known), planned)]


FIRST = files(a__x="1", b__x="2", b__y="3")


def test_in_a_new_run_names_are_those_of_the_files():
    assert names(FIRST) == ["x", "x-2", "y"]
    assert names(FIRST, FIRST) == ["x", "x-2", "y"]


def test_a_part_of_the_photographs_keeps_its_names():
    assert names(files(b__x="2"), FIRST) == ["x-2"]
    assert names(files(b__y="3", b__x="2"), FIRST) == ["y", "x-2"]


def test_moved_photographs_keep_their_names():
    assert names(files(c__one="2", c__two="1"), FIRST) == ["x-2", "x"]


def test_a_changed_photograph_keeps_its_name_in_its_place():
    assert names(files(a__x="9", b__x="2"), FIRST) == ["x", "x-2"]


def test_a_new_photograph_takes_nobodys_name():
    assert names(files(c__x="8"), FIRST) == ["x-3"]
    assert names(files(c__X="8", d__x="9"), FIRST) == ["X-3", "x-4"]
    assert names(files(c__x="8", **{"c__x-3": "7"}), FIRST) == ["x-4", "x-3"]
    # One that changed and moved cannot be told from a new one.
    assert names(files(c__y="0"), FIRST) == ["y-2"]


def test_equal_photographs_are_two_images_wherever_they_lie():
    twins = files(a__x="1", b__x="1")
    assert names(twins, twins) == ["x", "x-2"]
    assert names(files(b__x="1"), twins) == ["x-2"]
    assert names(files(b__x="1", a__x="1"), twins) == ["x-2", "x"]
    assert names(files(c__x="1", d__x="1", e__x="1"), twins) == ["x", "x-2", "x-3"]


def test_what_is_planned_and_not_finished_is_known_by_its_content():
    planned = [("x", "1"), ("x-2", "2")]
    assert names(files(b__x="2"), planned=planned) == ["x-2"]
    assert names(files(b__x="2", c__x="5"), planned=planned) == ["x-2", "x"]
    assert names(files(b__x="2"), FIRST, planned) == ["x-2"]


def test_rows_of_an_earlier_version_keep_their_names():
    assert [f.name for f in names_in_run(files(a__x="1"), {"x": {"image": "x"}})] == ["x-2"]
