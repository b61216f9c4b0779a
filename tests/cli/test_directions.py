"""``pmsfc directions``: found, trained, shown, and taken by ``pmsfc edit move``."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

import pmsfc_jax as pm

LABELS = np.arange(12) // 4


@pytest.fixture(scope="module")
def run(generator, tmp_path_factory):
    """A run of twelve pictures, and labels: the sign of what subspace 1 has on the left."""
    generator, params = generator
    folder = tmp_path_factory.mktemp("run")
    (folder / "codes").mkdir()
    (folder / "config.json").write_text('{"generator": "plain"}')
    masks = np.eye(3, dtype=np.float32).repeat(4, axis=1)
    latent = np.asarray(generator.draw(params, jax.random.key(0), 36)).reshape(12, 3, 1, 6)
    drawing = pm.Drawing(
        pm.Codes(latent, np.zeros((12, 3, 1, 12), np.float32)),
        masks,
        2,
        "pmsfc_full",
        generator="plain",
        identity=generator.spec.identity,
    )
    for row in range(12):
        pm.save_codes(folder / f"codes/p{row:02d}.npz", drawing[row])
    h, _ = pm.composed(generator, params, drawing)
    bright = h[..., 4].mean(axis=(1, 2))
    lines = ["image,bright,one"]
    lines += [f"p{row:02d}.jpg,{int(bright[row] > np.median(bright))},1" for row in range(12)]
    (folder / "labels.csv").write_text("\n".join([*lines, "elsewhere,1,1"]) + "\n")
    return folder


def test_components_of_a_subspace_are_found_and_shown(pmsfc, partition, tmp_path):
    file = tmp_path / "d.npz"
    words = ("--num", "2", "--num-samples", "40", "--out", file, "--json")
    code, out, _ = pmsfc(
        *("directions", "find", "plain", "--subspaces", partition, "--subspace", "1", *words)
    )
    assert code == 0
    first, second, done = map(json.loads, out.splitlines())
    assert (first["number"], first["name"]) == (0, "0")
    assert 0 < second["share"] < first["share"] < 1
    assert done == {"event": "done", "directions": 2, "file": str(file), "exit_code": 0}
    found = pm.load_directions(file)
    assert (found.layer, found.subspaces) == (2, (1,))
    assert not found.steps[..., LABELS != 1].any()
    code, out, err = pmsfc(
        *("directions", "show", f"{file}:1", "--out", tmp_path / "show.png", "--num", "1"),
        *("--frames", "3"),
    )
    assert code == 0, err
    assert "<1 feature directions of plain at layer 2>" in out
    assert f"{second['share']:.4f}" in out
    assert np.asarray(Image.open(tmp_path / "show.png")).shape[1] > 3 * 128


@pytest.mark.parametrize("of", ["features", "codes"])
def test_the_closed_form_is_found(pmsfc, generator, tmp_path, of):
    file = tmp_path / "d.npz"
    words = ("--of", of, "--method", "sefa", "--num", "2", "--num-samples", "40", "--layer", "1")
    assert pmsfc("directions", "find", "plain", *words, "--out", file)[0] == 0
    found = pm.load_directions(file)
    assert found.space == {"features": "feature", "codes": "latent"}[of]
    read = pm.reading_code(*generator) if of == "codes" else pm.reading_feature(*generator, 1)
    _, _, right = np.linalg.svd(read)
    step = found.steps[0].ravel() / np.linalg.norm(found.steps[0])
    np.testing.assert_allclose(np.abs(step @ right[0]), 1, rtol=1e-4)


@pytest.mark.parametrize("of", ["features", "codes"])
def test_labels_train_directions(pmsfc, run, tmp_path, of):
    file = tmp_path / "d.npz"
    limit = ("--subspace", "1") if of == "features" else ()
    code, out, err = pmsfc(
        *("directions", "train", run, run / "labels.csv", "--attribute", "bright", *limit),
        *("--of", of, "--out", file),
    )
    assert code == 0, err
    assert "held-out accuracy" in out
    found = pm.load_directions(file)
    assert found.names == ("bright",)
    assert found.about["with_and_without"] == {"bright": [6, 6]}
    code, _, err = pmsfc(
        *("edit", "move", run / "codes/p00.npz", "--direction", f"{file}:bright"),
        *("--frames", "2", "--out", tmp_path / "moved"),
    )
    assert code == 0, err
    assert (tmp_path / "moved/frames/p00-along-bright-001.png").exists()


MISTAKES = [
    (("find", "plain", "--out", "d.npy"), "a file that ends in .npz"),
    (("find", "plain", "--subspace", "1", "--out", "d.npz"), "say with --subspaces which"),
    (("find", "plain", "--of", "codes", "--out", "d.npz"), "vary alike in all directions"),
    (
        ("find", "plain", "--of", "codes", "--subspace", "0", "--method", "sefa", "--out", "d.npz"),
        "codes have no subspaces",
    ),
    (("find", "plain", "--layer", "9", "--out", "d.npz"), "has no layer 9"),
    (("find", "plain", "--num", "0", "--out", "d.npz"), "--num is 0"),
    (("find", "plain", "--num", "9", "--num-samples", "9", "--out", "d.npz"), "at most 8"),
    (
        ("find", "plain", "--subspaces", "P", "--subspace", "3", "--out", "d.npz"),
        "there is no subspace 3",
    ),
    (
        ("find", "plain", "--subspaces", "P", "--layer", "1", "--subspace", "0", "--out", "d.npz"),
        "holds subspaces of layer 2, not of layer 1",
    ),
    (("train", "RUN", "none.csv", "--out", "d.npz"), "none.csv: it does not exist"),
    (("train", "RUN", "L", "--attribute", "dull", "--out", "d.npz"), "no column 'dull': it has b"),
    (("train", "RUN", "L", "--out", "d.npz"), "one: all labels are the same"),
    (("train", "RUN", "words.csv", "--out", "d.npz"), "line 2, x: 'perhaps' is no label"),
    (("train", "RUN", "strangers.csv", "--out", "d.npz"), "names none of the pictures"),
    (("train", "RUN", "ragged.csv", "--out", "d.npz"), "line 3: it has 3 columns"),
    (("train", "RUN", "empty.csv", "--out", "d.npz"), "needs a header"),
    (("show", "none.npz"), "it does not exist"),
    (("show", "unit.npy", "--out", "a.png"), "not known whose directions these are"),
    (("show", "unit.npy", "--out", "a.jpg"), "end in .png"),
    (("show", "unit.npy", "--generator", "plain", "--out", "a.png"), "has 3 numbers and a code"),
    (("grow",), "there is no action 'grow'"),
]


@pytest.mark.parametrize(("words", "part"), MISTAKES)
def test_a_mistake_is_one_sentence(pmsfc, run, partition, tmp_path, monkeypatch, words, part):
    monkeypatch.chdir(tmp_path)
    files = {
        "words.csv": "image,x\np01,perhaps\n",
        "strangers.csv": "image,x\nq,1\n",
        "ragged.csv": "image,x\np01,1\np02,1,1\n",
        "empty.csv": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    np.save(tmp_path / "unit.npy", np.ones(3))
    there = {"RUN": run, "L": run / "labels.csv", "P": partition}
    code, _, err = pmsfc("directions", *(there.get(word, word) for word in words))
    assert code == 2
    assert part in err
    assert len([line for line in err.splitlines() if "error" in line]) == 1
    assert not list(tmp_path.glob("d.*"))
