"""Where weights are found, and what is said when they are not."""

import os
from pathlib import Path

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.store import search
from pmsfc_jax.weights.store.search import (
    available_weights,
    default_weights_dir,
    find_weights,
    search_path,
)


def make(place, name):
    folder = place / name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    return folder


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The five places, by what they are, with nothing in them yet."""
    names = ["given", "first", "second", "here", "package"]
    found = {name: tmp_path / name / "ported_weights" for name in names}
    monkeypatch.setenv("PMSFC_WEIGHTS", f"{found['first']}{os.pathsep}{found['second']}")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(search, "_PACKAGE", tmp_path / "package")
    return found


def test_order_of_places(places):
    assert search_path(places["given"]) == list(places.values())
    for place in reversed(places.values()):
        folder = make(place, "faces")
        assert find_weights("faces", places["given"]) == folder
    assert find_weights("faces") == places["first"] / "faces"


def test_a_checkout_has_its_own_beside_the_package(places, tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    assert search_path()[-1] == tmp_path / "ported_weights"


def test_a_path_is_taken_as_it_is(places, tmp_path):
    folder = make(tmp_path / "elsewhere", "faces")
    for path in (folder, str(folder), "../elsewhere/faces"):
        assert find_weights(path).resolve() == folder
    assert find_weights(folder).is_absolute()
    make(places["first"], "faces")
    for path in ("./faces", Path("faces"), tmp_path / "faces"):
        with pytest.raises(InputError, match=r"has no manifest\.json"):
            find_weights(path)


def test_a_folder_right_here_goes_before_a_name(places, tmp_path):
    make(places["first"], "faces")
    folder = make(tmp_path / "here", "faces")
    assert find_weights("faces") == folder


def test_a_killed_replacement_is_found(places):
    make(places["first"], ".faces.replaced")
    assert find_weights("faces") == places["first"] / "faces"


def test_nothing_found_says_where_and_what_there_is(places):
    make(places["given"], "faces-64")
    make(places["here"], "cars")
    (places["here"] / "no-weights").mkdir()
    with pytest.raises(InputError) as caught:
        find_weights("facse-64", places["given"])
    message = str(caught.value)
    assert "\n" not in message
    assert all(str(place) in message for place in places.values())
    assert "did you mean faces-64?" in message
    assert "there are: cars, faces-64" in message
    with pytest.raises(InputError, match="there are: cars"):
        find_weights("unlike")


def test_nothing_anywhere(places):
    with pytest.raises(InputError, match="convert a checkpoint first"):
        find_weights("faces")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_are_none(places, name):
    with pytest.raises(InputError):
        find_weights(name)


def test_available(places):
    make(places["second"], "b")
    make(places["here"], "a")
    make(places["here"], "b")
    assert available_weights() == {"a": places["here"] / "a", "b": places["second"] / "b"}


def test_new_weights_go_to_the_first_place(places, monkeypatch):
    assert default_weights_dir() == places["first"]
    monkeypatch.delenv("PMSFC_WEIGHTS")
    assert default_weights_dir() == places["here"]
