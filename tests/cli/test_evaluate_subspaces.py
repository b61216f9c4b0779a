"""``pmsfc evaluate --subspaces``: a partition of one's own in the rows that have one."""

import dataclasses
import json

import numpy as np
import pytest

import pmsfc_jax as pm
from pmsfc_jax.cli.evaluate import partitions as module
from pmsfc_jax.cli.evaluate.partitions import Partitions
from pmsfc_jax.io.codes import load_codes

LABELS = np.arange(12) // 4  # of the fixture `partition`


def test_what_is_given_stands_in_the_place_of_what_is_discovered(generator, partition):
    partitions = Partitions(*generator, pm.load_subspaces(partition), seed=0)
    np.testing.assert_array_equal(partitions.of("discovered", 2).labels, LABELS)
    dealt = partitions.of("random", 2)
    assert dealt.sizes == (4, 4, 4)
    assert not np.array_equal(dealt.labels, LABELS)
    assert partitions.of(None, 2) is None
    # Other labels are another question, and rows without subspaces do not feel them.
    other = Partitions(*generator, pm.subspaces_from_labels(LABELS[::-1], 2), seed=0)
    assert partitions.settings_of("random") != other.settings_of("random")
    assert partitions.settings_of(None) == other.settings_of(None) == {"partition": None}


def test_each_layer_is_discovered_once(generator, monkeypatch):
    asked = []

    def found(generator, params, *, layer, **_):
        asked.append(layer)
        channels = generator.spec.feature_shape(layer)[-1]
        return pm.subspaces_from_labels(np.arange(channels) % 4, layer)

    monkeypatch.setattr(module, "discover_subspaces", found)
    partitions = Partitions(*generator, None, seed=0)
    for kind, layer in (("discovered", 1), ("random", 1), ("random", 2), ("discovered", 2)):
        partitions.of(kind, layer)
    assert asked == [1, 2]
    assert partitions.settings_of("discovered") == {"partition": "discovered"}


def test_a_table_with_own_subspaces(pmsfc, photos, partition, tmp_path):
    words = ("--generator", "plain", "--steps", "2", "--subspaces", partition)
    rows = ("pmsfc_4x4", "pmsfc_4x4_random")
    code, _, err = pmsfc("evaluate", photos, "--out", tmp_path, "--methods", *rows, *words)
    assert code == 0, err
    assert "subspaces" not in err  # none had to be discovered
    methods = json.loads((tmp_path / "table.json").read_text())["methods"]
    assert methods["pmsfc_4x4"]["codes"] == 12  # three subspaces of four codes
    assert methods["pmsfc_4x4"]["psnr"] != methods["pmsfc_4x4_random"]["psnr"]


def test_edits_exchange_own_subspaces(pmsfc, photos, partition, tmp_path):
    words = ("--task", "edit", "--generator", "plain", "--steps", "2", "--subspaces", partition)
    code, _, err = pmsfc(
        "evaluate", photos, "--out", tmp_path, "--methods", "pmsfc_4x4_lbfgs", *words
    )
    assert code == 0, err
    assert load_codes(tmp_path / "rows" / "pmsfc_4x4_lbfgs.npz").masks.shape == (3, 12)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--layer", "1"), "holds subspaces of layer 2: give that as --layer, or leave it out"),
        (
            ("--task", "hole", "--layers", "hole=1"),
            "hole is cut at layer 1 and --subspaces are of layer 2",
        ),
    ],
)
def test_another_cut_is_refused(pmsfc, photos, partition, tmp_path, more, said):
    out = tmp_path / "out"
    words = ("--generator", "plain", *more, "--subspaces", partition)
    code, _, err = pmsfc("evaluate", photos, "--out", out, *words)
    assert code == 2
    assert said in err
    assert not out.exists()


def test_no_file_and_another_generators_are_told(pmsfc, photos, partition, tmp_path):
    others = dataclasses.replace(pm.load_subspaces(partition), generator="other", identity="0" * 64)
    pm.save_subspaces(tmp_path / "others.npz", others, seed=0)
    out, words = tmp_path / "out", ("--generator", "plain", "--subspaces")
    for name, said in (("others.npz", "found for other"), ("none.npz", "none.npz")):
        code, _, err = pmsfc("evaluate", photos, "--out", out, *words, tmp_path / name)
        assert code == 2
        assert said in err
        assert not out.exists()
