import json
import shlex

import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.api import load_subspaces

PICTURES = ("coefficients", "spectrum", "effects", "exchanges", "exchanges_random")


def test_a_lasso_with_the_penalty_and_the_number_of_subspaces_chosen(pmsfc, tmp_path):
    code, out, err = pmsfc(
        *("discover", "plain", "--layer", "3", "--num-samples", "200", "--no-report"),
        *("--method", "lasso", "--mu", "held_out", "--out", tmp_path / "found"),
    )
    assert code == 0, err
    found = load_subspaces(tmp_path / "found")
    assert found.discovery.settings.method.name == "lasso"
    assert f"lasso with mu {found.discovery.settings.method.mu:.4g}" in out
    assert 2 <= found.num_subspaces <= 16
    assert f"{found.num_subspaces} subspaces" in out
    share_of_zeros = np.mean(np.asarray(found.discovery.coefficients) == 0)
    assert 1 / len(found.labels) < share_of_zeros < 1


@pytest.fixture(scope="module")
def reported(weights_dir, tmp_path_factory):
    """A folder with a report, and the words that made it."""
    from pmsfc_jax.cli.main import main

    folder = tmp_path_factory.mktemp("discover") / "a folder"
    words = [
        *("discover", "judged", "--layer", "3", "--num-subspaces", "3", "--num-samples", "200"),
        *("--num-pairs", "6", "--num-random", "5", "--seed", "2", "--out", str(folder)),
        *("--weights-dir", str(weights_dir)),
    ]
    assert main(words) == 0
    return folder, words


def test_a_folder_with_arrays_numbers_pictures_and_a_page(reported):
    folder, words = reported
    numbers = json.loads((folder / "diagnostics.json").read_text())
    assert numbers["seed"] == 2
    assert numbers["num_random"] == 5
    assert sum(numbers["sizes"]) == 12
    assert "V = " in numbers["perceptual_distance"]
    assert {row["claim"] for row in numbers["measures"].values()} == {
        "locally",
        "separately",
        "semantically",
    }
    assert "perceptual_rate" in numbers["measures"]
    page = (folder / "report.html").read_text()
    assert "--num-random 5" in page
    assert shlex.split(numbers["command"])[1:] == words
    for name in PICTURES:
        assert np.asarray(Image.open(folder / f"{name}.png")).std() > 0, name
    with np.load(folder / "effects.npz", allow_pickle=False) as arrays:
        assert arrays["effect_maps"].shape == (3, 16, 16)
        assert arrays["random_masks"].shape == (5, 3, 12)
        assert np.allclose(arrays["change"], numbers["effects"]["change"], rtol=1e-4)
    with np.load(folder / "subspaces.npz", allow_pickle=False) as arrays:
        assert arrays["coefficients"].shape == (12, 12)
        assert arrays["eigenvalues"].shape == (12,)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 3e6


def test_the_same_command_gives_the_same_numbers_and_no_report_leaves_no_stale_pictures(
    reported, pmsfc
):
    folder, words = reported
    before = json.loads((folder / "diagnostics.json").read_text())
    code, out, err = pmsfc(*words[:-2])
    assert code == 0, err
    assert json.loads((folder / "diagnostics.json").read_text())["measures"] == before["measures"]
    assert "more separately" in out or "no different" in out or "less separately" in out
    code, out, err = pmsfc(*words[:-2], "--no-report")
    assert code == 0, err
    assert sorted(file.name for file in folder.iterdir()) == ["diagnostics.json", "subspaces.npz"]
    after = json.loads((folder / "diagnostics.json").read_text())
    assert after["sizes"] == before["sizes"]
    assert "measures" not in after


def test_the_command_that_is_advised_next_uses_what_was_found(pmsfc, photos, tmp_path):
    words = ("--num-samples", "64", "--num-subspaces", "2", "--no-report")
    code, _, err = pmsfc("discover", "plain", "--layer", "3", *words, "--out", tmp_path / "a b")
    assert code == 0, err
    advised = shlex.split(err.partition("next: pmsfc ")[2])
    there = {"PHOTOGRAPHS": photos / "p0.png", "RUN": tmp_path / "run"}
    advised = [there.get(word, word) for word in advised]
    code, _, err = pmsfc(*advised, "--steps", "10", "--method", "pmsfc", weights=False)
    assert code == 0, err
    assert "plain at layer 3" in err


MISTAKES = [
    (("--layer", "99"), "no layer 99"),
    (("--layer", "3", "--num-subspaces", "500"), "only 12 channels at layer 3"),
    (("--layer", "3", "--num-pairs", "1"), "--num-pairs is 1"),
    (("--layer", "3", "--num-random", "0"), "--num-random is 0"),
    (("--layer", "3", "--num-samples", "0"), "--num-samples is 0"),
    (("--layer", "3", "--mu", "-1"), "--mu is -1"),
    (("--layer", "3", "--judge", "none.npz"), "none.npz"),
]


@pytest.mark.parametrize(("words", "part"), MISTAKES)
def test_a_mistake_is_one_line_and_leaves_the_folder_as_it_was(
    pmsfc, tmp_path, monkeypatch, words, part
):
    # Nothing is computed: a mistake is told before the work begins.
    monkeypatch.setattr("pmsfc_jax.cli.discover.work.discover_subspaces", None)
    folder = tmp_path / "found"
    for there in (False, True):
        if there:
            folder.mkdir()
            (folder / "report.html").write_text("of other subspaces")
        code, _, err = pmsfc("discover", "plain", *words, "--out", folder)
        assert code == 2
        assert part in err
        assert "Traceback" not in err
        assert folder.exists() == there
    assert [file.name for file in folder.iterdir()] == ["report.html"]
    assert (folder / "report.html").read_text() == "of other subspaces"


def test_after_a_mistake_the_corrected_command_runs(pmsfc, tmp_path):
    command = ("discover", "plain", "--num-samples", "200", "--no-report", "--out", tmp_path / "a")
    assert pmsfc(*command, "--layer", "3", "--num-subspaces", "500")[0] == 2
    code, _, err = pmsfc(*command, "--layer", "3", "--num-subspaces", "2")
    assert code == 0, err
    assert load_subspaces(tmp_path / "a").num_subspaces == 2


def test_a_file_is_no_folder(pmsfc, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = pmsfc("discover", "plain", "--layer", "3", "--out", tmp_path / "file")
    assert code == 2
    assert "is a file: give a folder" in err
