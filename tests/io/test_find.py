import os

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.find import find_photographs, search_photographs


@pytest.fixture
def folder(tmp_path):
    """A folder with photographs out of order, and things that are none."""
    root = tmp_path / "photos"
    (root / "deeper.jpg").mkdir(parents=True)
    for name in ("c.JPG", "a.png", "b.tiff", "notes.txt", "._a.png", "deeper.jpg/d.jpg", "e.heic"):
        (root / name).touch()
    return root


def names(files):
    return [file.name for file in files]


def test_a_folder_is_listed_in_order_without_what_is_no_photograph(folder):
    # Capitals sort first, as in any listing of code points.
    assert names(find_photographs([folder])) == ["a.png", "b.tiff", "c.JPG", "e.heic"]


def test_a_file_named_explicitly_counts_whatever_its_suffix(folder):
    found = find_photographs([folder / "notes.txt", folder / "a.png"])
    assert names(found) == ["notes.txt", "a.png"]


def test_one_path_need_not_be_in_a_list(folder):
    assert find_photographs(str(folder)) == find_photographs(folder) == find_photographs([folder])


def test_each_file_comes_once_in_the_order_given(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.png").touch()
    found = find_photographs(
        [folder / "c.JPG", folder, folder / ".." / "photos" / "b.tiff", tmp_path / "link",
         tmp_path / "other"]
    )  # fmt: skip
    assert names(found) == ["c.JPG", "a.png", "b.tiff", "e.heic", "a.png"]


def test_a_dangling_link_is_left_for_the_loader_to_report(folder):
    (folder / "z.png").symlink_to(folder / "gone.png")
    assert "z.png" in names(find_photographs([folder]))


def test_a_folder_without_photographs_may_stand_beside_others(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    assert len(find_photographs([tmp_path / "empty", folder])) == 4


def test_nothing_found_is_an_error_that_names_the_place(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no photographs in .*empty: name files, or folders"):
        find_photographs([tmp_path / "empty"])
    with pytest.raises(InputError, match="no photographs in an empty list"):
        find_photographs([])


def test_a_path_that_does_not_exist_is_an_error_that_names_it(folder):
    with pytest.raises(InputError, match=r"cannot use .*gone\.jpg: it does not exist; name"):
        find_photographs([folder, folder / "gone.jpg"])


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(folder):
    folder.chmod(0)
    try:
        with pytest.raises(InputError, match=r"cannot look into .*: permission denied"):
            find_photographs([folder])
    finally:
        folder.chmod(0o700)


def test_a_listing_that_fails_is_told_in_words(folder, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(folder), "iterdir", refuse)
    with pytest.raises(InputError, match=r"cannot look into .*photos: permission denied"):
        find_photographs([folder])


@pytest.fixture
def tree(tmp_path):
    """Photographs at three depths, a hidden folder, and a link that leads back to the top."""
    root = tmp_path / "tree"
    for name in ("z.png", "b/a.png", "b/deep/c.png", "a/d.png", ".cache/e.png", "empty/f.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "b" / "back").symlink_to(root, target_is_directory=True)
    return root


def test_subfolders_are_passed_over_and_counted(tree):
    found = search_photographs(tree)
    assert names(found.files) == ["z.png"]
    assert found.passed_over == 3
    assert search_photographs([tree, tree / "b"]).passed_over == 3  # a, empty, deep


def test_recursive_lists_a_folder_before_its_subfolders_and_ends_at_loops(tree):
    found = search_photographs(tree, recursive=True)
    assert [file.relative_to(tree).as_posix() for file in found.files] == [
        "z.png",
        "a/d.png",
        "b/a.png",
        "b/deep/c.png",
    ]
    assert found.passed_over == 0


def test_a_folder_with_photographs_below_says_how_to_reach_them(tree):
    (tree / "z.png").unlink()
    with pytest.raises(InputError, match=r"subfolders \(3\) were passed over: ask for recursive"):
        search_photographs(tree)
