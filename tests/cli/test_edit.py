"""``pmsfc edit``: what comes out, drawn again to the bit, and mistakes in one sentence."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from PIL import Image

import pmsfc_jax as pm

MASKS = np.eye(3, dtype=np.float32).repeat(4, axis=1)


@pytest.fixture(scope="module")
def codes(generator, tmp_path_factory):
    """A folder with files ``a``, ``b`` and ``c``: two codes in each of three subspaces."""
    generator, params = generator
    folder = tmp_path_factory.mktemp("codes")
    rng = np.random.default_rng(1)
    latent = np.asarray(generator.draw(params, jax.random.key(0), 18)).reshape(3, 3, 2, 6)
    drawing = pm.Drawing(
        pm.Codes(latent, 0.2 * rng.normal(size=(3, 3, 2, 12)).astype(np.float32)),
        MASKS,
        2,
        "pmsfc_full",
        generator="plain",
        identity=generator.spec.identity,
    )
    for row, name in enumerate("abc"):
        pm.save_codes(folder / f"{name}.npz", drawing[row])
    return folder


def picture(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_swapping_each_subspace_makes_a_matrix(pmsfc, generator, codes, tmp_path):
    out = tmp_path / "swap"
    code, _, err = pmsfc("edit", "swap", *(codes / f"{n}.npz" for n in "abc"), "--out", out)
    assert code == 0, err
    record = json.loads((out / "edit.json").read_text())
    assert record["finished"]
    assert record["action"] == "swap"
    assert record["subspaces"] == [4, 4, 4]
    assert [(e["picture"], e["sources"], e["subspaces"]) for e in record["edits"]] == [
        ("a", [source], [subspace]) for source in "bc" for subspace in range(3)
    ]
    drawings = {name: pm.load_codes(codes / f"{name}.npz") for name in "abc"}
    h = {name: pm.composed(*generator, drawing)[0] for name, drawing in drawings.items()}
    for edit in record["edits"]:
        features = pm.swap(h["a"], h[edit["sources"][0]], edit["subspaces"], MASKS)
        expected = pm.to_uint8(pm.draw_features(*generator, features, None, layer=2))[0]
        np.testing.assert_array_equal(picture(out / edit["frames"][0]), expected)
        change = np.abs(expected.astype(int) - picture(out / "pictures/a.png")).mean()
        np.testing.assert_allclose(edit["change_levels"], [change], atol=1e-3)
        assert change > 1
    assert picture(out / "sheet.png").shape[1] > 5 * 128
    assert (out / "report.html").read_text().count('class="compare"') == 6
    assert not list(out.glob("moving/*"))


def test_frames_move_and_are_drawn_again_to_the_bit(pmsfc, generator, codes, tmp_path):
    out = tmp_path / "mix"
    code, stdout, _ = pmsfc(
        *("edit", "mix", codes / "a.npz", codes / "b.npz", "--subspace", "2", "0", "--json"),
        *("--region", "0,0,8,16", "--strength", "1", "--frames", "3", "--out", out),
    )
    assert code == 0
    edit, done = map(json.loads, stdout.splitlines())
    assert (edit["event"], edit["subspaces"], edit["strengths"]) == ("edit", [0, 2], [0, 0.5, 1])
    assert done == {"event": "done", "edits": 1, "exit_code": 0}
    frames = [picture(path) for path in edit["frames"]]
    np.testing.assert_array_equal(frames[0], picture(out / "pictures/a.png"))
    saved = pm.load_edited(edit["saved"])
    np.testing.assert_array_equal(pm.to_uint8(pm.render(*generator, saved)), frames)
    code, _, err = pmsfc("render", out)
    assert code == 0, err
    for path in edit["frames"]:
        again = out / "rendered" / path.rsplit("/", 1)[1]
        np.testing.assert_array_equal(picture(again), picture(path))
    assert saved.recipe["strengths"] == [0, 0.5, 1]
    # The right edge of the picture is far from the box.
    np.testing.assert_array_equal(frames[2][:, 14:], frames[0][:, 14:])
    assert np.abs(frames[2][:, :8].astype(int) - frames[0][:, :8]).mean() > 1
    for kind in ("gif", "apng"):
        with Image.open(edit[kind]) as image:
            assert image.n_frames == 4
    assert picture(edit["strip"]).shape[1] > 5 * 128


def test_a_mask_says_where(pmsfc, codes, tmp_path):
    painted = np.zeros((40, 40), np.uint8)
    painted[:, :20] = 255
    Image.fromarray(painted).save(tmp_path / "left.png")
    frames = []
    for name, region in (("box", "0,0,8,16"), ("file", tmp_path / "left.png")):
        out = tmp_path / name
        code, _, err = pmsfc(
            *("edit", "swap", codes / "a.npz", codes / "b.npz", "--subspace", "1"),
            *("--region", region, "--out", out),
        )
        assert code == 0, err
        frames.append(picture(out / "frames/a-from-b-s1-000.png"))
    np.testing.assert_array_equal(*frames)


def test_a_morph_visits_all_pictures(pmsfc, generator, codes, tmp_path):
    words = ("edit", "morph", *(codes / f"{n}.npz" for n in "abc"), "--frames", "3")
    out = tmp_path / "morph"
    assert pmsfc(*words, "--out", out)[0] == 0
    (edit,) = json.loads((out / "edit.json").read_text())["edits"]
    assert edit["strengths"] == [0, 0.5, 1, 1.5, 2]
    for place, name in ((0, "a"), (2, "b"), (4, "c")):
        expected = picture(out / f"pictures/{name}.png")
        np.testing.assert_array_equal(picture(out / edit["frames"][place]), expected)
    drawing = pm.load_codes(out / edit["saved"])
    frames = [picture(out / path) for path in edit["frames"]]
    np.testing.assert_array_equal(pm.to_uint8(pm.render(*generator, drawing)), frames)
    assert pmsfc("render", out, "--out", tmp_path / "again")[0] == 0
    again = [picture(path) for path in sorted((tmp_path / "again").glob("*.png"))]
    np.testing.assert_array_equal(again, frames)
    # Only one subspace follows; the same folder is used again, and keeps nothing.
    assert pmsfc(*words[:4], "--subspace", "1", "--frames", "2", "--out", out)[0] == 0
    (edit,) = json.loads((out / "edit.json").read_text())["edits"]
    assert len(list(out.glob("frames/*"))) == len(edit["frames"]) == 2
    h = [pm.composed(*generator, pm.load_codes(codes / f"{name}.npz"))[0] for name in "ab"]
    saved = pm.load_edited(out / edit["saved"])
    np.testing.assert_array_equal(saved.h[1:], pm.swap(*h, [1], MASKS))


def test_only_a_finished_edit_is_drawn_again(pmsfc, codes, tmp_path):
    out = tmp_path / "out"
    assert pmsfc("edit", "swap", codes / "a.npz", codes / "b.npz", "--out", out)[0] == 0
    record = json.loads((out / "edit.json").read_text())
    for changes, said in (
        ({"finished": False}, "was not finished: edit again"),
        ({"format": 99}, "written by a newer version"),
        ({"edits": [{}]}, "damaged or of an earlier version"),
    ):
        (out / "edit.json").write_text(json.dumps(record | changes))
        code, _, err = pmsfc("render", out)
        assert code == 2
        assert said in err
        assert not (out / "rendered").exists()


def test_of_a_run_all_pictures_are_changed_by_each_other(pmsfc, codes, tmp_path):
    run = tmp_path / "run"
    (run / "codes").mkdir(parents=True)
    (run / "config.json").write_text('{"generator": "plain"}')
    for name in "ab":
        (run / f"codes/{name}.npz").write_bytes((codes / f"{name}.npz").read_bytes())
    assert pmsfc("edit", "swap", run, "--subspace", "0", "--out", tmp_path / "out")[0] == 0
    names = [e["name"] for e in json.loads((tmp_path / "out/edit.json").read_text())["edits"]]
    assert names == ["a-from-b-s0", "b-from-a-s0"]


MISTAKES = [
    (("swop",), "there is no edit 'swop'"),
    (("swap",), "no pictures are given"),
    (("swap", "a"), "there is one picture only"),
    (("morph", "a"), "name another one that it becomes"),
    (("swap", "a", "none"), "none.npz: it does not exist"),
    (("swap", "a", "b", "--subspace", "3"), "there is no subspace 3: there are 3"),
    (("swap", "a", "b", "--frames", "0"), "frames is 0"),
    (("morph", "a", "b", "--frames", "1"), "a morph has 2 or more"),
    (("swap", "a", "b", "--fps", "0"), "--fps is 0"),
    (("swap", "a", "b", "--region", "20,0,4,4"), "covers nothing of a picture of 16x16"),
    (("swap", "a", "b", "--region", "1,2,3"), "neither a box X,Y,WIDTH,HEIGHT"),
    (("swap", "a", "b", "--region", "black"), "covers nothing: draw it in white"),
    (("swap", "a", "layer1"), "was cut at layer 2 and"),
    (("swap", "a", "foreign"), "edit pictures of one generator"),
    (("swap", "a", "other"), "found with different subspaces: say with --subspaces"),
    (("morph", "a", "other"), "a morph goes between pictures of the same ones"),
    (("swap", "a", "b", "--subspaces", "layer3"), "holds subspaces of layer 3"),
    (("swap", "a", "b", "--out", "taken"), "is not empty and holds no edit"),
]


@pytest.mark.parametrize(("words", "part"), MISTAKES)
def test_a_mistake_is_one_sentence_and_writes_nothing(pmsfc, codes, tmp_path, words, part):
    a = pm.load_codes(codes / "a.npz")
    changed = {
        "layer1": {"layer": 1},
        "foreign": {"identity": "f" * 64},
        "other": {"masks": np.roll(MASKS, 1, axis=1)},
    }
    for name, changes in changed.items():
        pm.save_codes(tmp_path / f"{name}.npz", dataclasses.replace(a, **changes))
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    labels = np.arange(12) % 3
    pm.save_subspaces(tmp_path / "layer3.npz", pm.subspaces_from_labels(labels, 3), seed=0)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/thesis.txt").write_text("")
    there = {path.stem: path for path in [*tmp_path.iterdir(), *codes.iterdir()]}
    there["none"] = tmp_path / "none.npz"
    given = [there.get(word, word) for word in words]
    if words and words[0] == "swap" and "--out" not in words:
        given += ["--out", tmp_path / "out"]
    if words and words[0] == "morph":
        given += ["--out", tmp_path / "out"]
    code, _, err = pmsfc("edit", *given)
    assert code == 2
    assert part in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["thesis.txt"]


def test_without_an_action_the_actions_are_named(pmsfc):
    code, _, err = pmsfc("edit", weights=False)
    assert code == 2
    assert "no edit is named: choose one of swap, mix" in err


def test_pictures_move_along_directions(pmsfc, generator, codes, tmp_path):
    """Of features as they are; of codes all of the picture, or what is asked for alone."""
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(2, 8, 8, 12)).astype(np.float32)
    spec = generator[0].spec
    of_features = pm.directions.Directions(
        "feature", steps, ("up", "down"), layer=2, generator="plain", identity=spec.identity
    )
    pm.save_directions(tmp_path / "f.npz", of_features)
    np.save(tmp_path / "smile.npy", rng.normal(size=(1, 6)))
    h, _ = pm.composed(*generator, pm.load_codes(codes / "a.npz"))

    words = ("edit", "move", codes / "a.npz", "--frames", "3", "--strength", "2")
    out = tmp_path / "features"
    assert pmsfc(*words, "--direction", tmp_path / "f.npz", "--out", out)[0] == 0
    record = json.loads((out / "edit.json").read_text())
    assert [edit["direction"] for edit in record["edits"]] == ["up", "down"]
    assert record["edits"][0]["strengths"] == [-2, 0, 2]
    moved = pm.load_edited(out / record["edits"][1]["saved"])
    np.testing.assert_allclose(moved.h[2], h[0] + 2 * steps[1], rtol=1e-5)
    np.testing.assert_array_equal(
        picture(out / record["edits"][1]["frames"][1]), picture(out / "pictures/a.png")
    )

    out = tmp_path / "codes"
    assert pmsfc(*words, "--direction", tmp_path / "smile.npy", "--out", out)[0] == 0
    (edit,) = json.loads((out / "edit.json").read_text())["edits"]
    assert edit["name"] == "a-along-smile"
    whole = pm.load_codes(out / edit["saved"])
    frames = [picture(out / path) for path in edit["frames"]]
    np.testing.assert_array_equal(pm.to_uint8(pm.render(*generator, whole)), frames)

    out = tmp_path / "subspace"
    limits = ("--subspace", "1", "--direction", f"{tmp_path / 'smile.npy'}:0")
    assert pmsfc(*words, *limits, "--out", out)[0] == 0
    (edit,) = json.loads((out / "edit.json").read_text())["edits"]
    limited = pm.load_edited(out / edit["saved"]).h
    everything, _ = pm.composed(*generator, whole)
    np.testing.assert_array_equal(limited[..., 4:8], everything[..., 4:8])
    np.testing.assert_array_equal(limited[2, ..., :4], h[0, ..., :4])


def test_a_condition_is_taken_off(pmsfc, codes, tmp_path):
    np.save(tmp_path / "a.npy", np.array([1.0, 1, 0, 0, 0, 0]))
    np.save(tmp_path / "b.npy", np.array([0.0, 1, 0, 0, 0, 0]))
    np.save(tmp_path / "c.npy", np.array([2**0.5, 0, 0, 0, 0, 0]))
    frames = []
    for words in (("a.npy", "--condition", tmp_path / "b.npy"), ("c.npy",)):
        out = tmp_path / words[0][0]
        code, _, err = pmsfc(
            *("edit", "move", codes / "b.npz", "--direction", tmp_path / words[0], *words[1:]),
            *("--frames", "1", "--out", out),
        )
        assert code == 0, err
        frames.append(picture(next(out.glob("frames/*.png"))).astype(int))
    assert np.abs(frames[0] - frames[1]).max() <= 1
    code, _, err = pmsfc(
        *("edit", "move", codes / "b.npz", "--direction", tmp_path / "a.npy"),
        *("--condition", tmp_path / "a.npy", "--out", tmp_path / "none"),
    )
    assert code == 2
    assert "nothing is left of direction a" in err
    np.save(tmp_path / "long.npy", np.ones(512))
    code, _, err = pmsfc(
        *("edit", "move", codes / "b.npz", "--direction", tmp_path / "long.npy"),
        *("--out", tmp_path / "none"),
    )
    assert code == 2
    assert "the direction has 512 numbers and a code of plain has 6" in err
    assert not (tmp_path / "none").exists()


def test_parts_are_found_and_say_where(pmsfc, generator, codes, partition_folder, tmp_path):
    """Beside the subspaces, where an edit finds them itself; in every picture anew."""
    folder = partition_folder
    code, out, err = pmsfc(
        *("parts", "plain", "--layer", "2", "--num-parts", "2", "--num-samples", "20"),
        *("--num", "2", "--out", folder, "--json"),
    )
    assert code == 0, err
    *found, done = map(json.loads, out.splitlines())
    assert [part["number"] for part in found] == [0, 1]
    assert done["file"] == str(folder / "parts.npz")
    assert picture(folder / "parts.png").shape[1] > 3 * 128
    parts = pm.load_parts(folder)
    words = ("edit", "swap", codes / "a.npz", codes / "b.npz", "--subspace", "1")
    h = [pm.composed(*generator, pm.load_codes(codes / f"{name}.npz"))[0][0] for name in "ab"]
    number = int(np.bincount(parts.labels(h[0]).ravel(), minlength=2).argmax())
    for where in (("--subspaces", folder), ("--parts", folder / "parts.npz")):
        out = tmp_path / where[0]
        code, _, err = pmsfc(*words, *where, "--region", f"part:{number}", "--out", out)
        assert code == 0, err
        saved = pm.load_edited(out / "edits/a-from-b-s1.npz")
        expected = pm.swap(h[0], h[1], [1], MASKS, parts.region(h[0], [number]))
        np.testing.assert_array_equal(saved.h[0], expected)
    for more, part in (
        (("--region", "part:1"), "say with --parts which parts"),
        (("--region", "part:7", "--parts", folder), "a.npz: there is no part 7"),
    ):
        code, _, err = pmsfc(*words, *more, "--out", tmp_path / "none")
        assert code == 2
        assert part in err
        assert not (tmp_path / "none").exists()


@pytest.fixture(scope="module")
def partition_folder(generator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("partition")
    subspaces = pm.subspaces_from_labels(np.arange(12) // 4, 2, generator[0])
    pm.save_subspaces(folder / "subspaces.npz", subspaces, seed=0)
    return folder
