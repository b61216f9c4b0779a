"""Measures of edits: those that are known beforehand, and each against its definition."""

import dataclasses

import jax
import numpy as np
import pytest

import pmsfc_jax as pm
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.evaluation.edits import (
    MEASURES,
    Question,
    drawn,
    edits_beside_random,
    mean_of_best,
    measure_edits,
    sample_pairs,
    selectivity,
)
from pmsfc_jax.evaluation.edits_table import as_markdown
from pmsfc_jax.tasks.edit.directions import Boundary
from pmsfc_jax.tasks.edit.region import in_picture

KEY = jax.random.key(0)
MASKS = np.eye(3, dtype=np.float32).repeat(4, axis=1)


def distance(a, b):
    return np.abs(a.astype(float) - b).mean(axis=(1, 2, 3))


def embed(images):
    """Mean colours of quarters: twelve numbers a picture."""
    quarters = images.reshape(-1, 2, 8, 2, 8, 3).mean(axis=(2, 4))
    return quarters.reshape(len(images), -1).astype(float)


@pytest.fixture(scope="module")
def question(tiny):
    generator, params = tiny
    parts = pm.find_parts(generator, params, layer=2, num_parts=2, key=KEY, num_samples=20)
    own = jax.jit(generator)(params, generator.draw(params, jax.random.key(1), 40))
    rng = np.random.default_rng(0)
    probes = {name: Boundary(rng.normal(size=12), 0.0) for name in ("a", "b")}
    pairs = sample_pairs(generator, params, layer=2, key=KEY, num=6)
    return Question(
        generator, params, 2, pairs, parts, distance, embed, embed(pm.to_uint8(own)), probes, 3
    )


@pytest.fixture(scope="module")
def pictures(question):
    h_a, h_b, context = question.pairs
    return [drawn(question.cut, question.params, h, context) for h in (h_a, h_b)]


@pytest.fixture(scope="module")
def found(question):
    done = []
    beside = edits_beside_random(
        question, MASKS, key=KEY, num_random=3, on_progress=lambda *n: done.append(n)
    )
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    return beside


def test_pairs_are_pictures_of_the_generator(tiny, question, pictures):
    generator, params = tiny
    first, second = jax.random.split(KEY)
    whole = jax.jit(generator)
    for key, drawn_here in zip((first, second), pictures, strict=True):
        expected = whole(params, generator.draw(params, key, 6))
        np.testing.assert_allclose(drawn_here, expected, atol=1e-4)


def test_one_subspace_of_all_channels_is_the_whole_exchange(question, pictures):
    edits = measure_edits(question, np.ones((1, 12), np.float32))
    np.testing.assert_allclose(edits.concentration, 1, rtol=1e-6)
    np.testing.assert_allclose(edits.values["concentration"], 1, rtol=1e-6)
    levels = 127.5 * np.abs(pictures[1] - pictures[0]).mean()
    np.testing.assert_allclose(edits.values["change"], levels, rtol=1e-5)


def test_measures_are_what_they_say(question, pictures, found):
    """Written out with loops for the first partition."""
    original, whole = pictures
    h_a, h_b, _ = question.pairs
    labels = question.parts.labels(h_a)
    up = labels.repeat(2, 1).repeat(2, 2)
    np.testing.assert_array_equal(in_picture(labels, (16, 16)), up)

    one = jax.jit(lambda h: question.generator.tail(question.params, h, None, layer=2))

    def tail(h):
        return np.concatenate([np.asarray(one(picture[None])) for picture in h])

    everywhere = [tail(np.where(mask > 0, h_b, h_a)) for mask in MASKS]
    ratio = np.zeros((3, 2))
    for r, part in np.ndindex(3, 2):
        shares = []
        for there in (everywhere[r], whole):
            energy = np.square(there.astype(float) - original).sum(-1)
            shares.append(energy[up == part].sum() / energy.sum())
        ratio[r, part] = shares[0] / shares[1]
    np.testing.assert_allclose(found.edits.concentration, ratio, rtol=1e-3)
    np.testing.assert_allclose(found.edits.values["concentration"], ratio.max(0).mean(), rtol=1e-3)

    inside = total = rest = edited = 0.0
    for i, part, r in np.ndindex(6, 2, 3):
        if part not in labels[i]:
            continue
        region = question.parts.region(h_a[i], [part])[..., None] * MASKS[r]
        changed = tail((h_a[i] + region * (h_b[i] - h_a[i]))[None])[0]
        energy = np.square(changed.astype(float) - original[i]).sum(-1)
        inside += energy[up[i] == part].sum()
        total += energy.sum()
        if i < 3:
            a, b = pm.to_uint8(original[i]).astype(float), pm.to_uint8(changed).astype(float)
            edited += np.abs(a - b).mean()
            rest += np.abs(a - b)[up[i] != part].sum() / a.size
    np.testing.assert_allclose(found.edits.values["inside"], inside / total, rtol=1e-3)
    np.testing.assert_allclose(found.edits.values["rest"], rest / edited, rtol=1e-2)

    scores = np.zeros((3, 2))
    before = embed(pm.to_uint8(original))
    for column, probe in enumerate(question.probes.values()):
        unit = (question.own @ probe.normal).std()
        for r in range(3):
            moved = (embed(pm.to_uint8(everywhere[r])) - before) @ probe.normal
            scores[r, column] = np.abs(moved).mean() / unit
    np.testing.assert_allclose(found.edits.scores, scores, rtol=5e-2)
    best = np.max([scores[:, 0] / scores[:, 1], scores[:, 1] / scores[:, 0]], axis=1).mean()
    np.testing.assert_allclose(found.edits.values["selectivity"], best, rtol=5e-2)


def test_random_partitions_stand_beside(question, found):
    assert set(found.measures) == set(MEASURES)
    assert len(found.random) == 3
    for name, row in found.measures.items():
        assert row.value == found.edits.values[name]
        assert row.random.shape == (3,)
        assert np.ptp(row.random) > 0 or name == "precision"
    assert 0 <= found.unedited <= 1
    plain = dataclasses.replace(question, distance=None, embed=None, own=None, probes={})
    fewer = edits_beside_random(plain, MASKS, key=KEY, num_random=1)
    assert set(fewer.measures) == {"change", "concentration", "inside"}
    assert fewer.unedited is None


def test_selectivity_is_one_where_all_labels_move_alike():
    np.testing.assert_allclose(selectivity(np.full((2, 3), 0.7)), 1)
    np.testing.assert_allclose(selectivity(np.array([[4.0, 1, 1]])), [[4, 0.4, 0.4]])


def test_the_table_says_which_is_better(found):
    record = {
        "generator": "tiny",
        "layer": 2,
        "sizes": [4, 4, 4],
        "pairs": 6,
        "num_random": 3,
        "num_parts": 2,
        "own": 40,
        "unedited_precision": 0.5,
        "measures": {
            "rest": {"value": 0.1, "random": [0.2, 0.3]},
            "inside": {"value": 0.1, "random": [0.2, 0.3]},
            "change": {"value": 5.0, "random": [2.0, 3.0]},
            "precision": {"value": 0.25, "random": [0.2, 0.3]},
        },
    }
    lines = as_markdown(record).splitlines()
    assert [line.split(" | ")[-1] for line in lines[2:6]] == [
        "better than all |",
        "worse than all |",
        "more than all |",
        "among them |",
    ]
    assert "| 0.250 (0.200 to 0.300) |" in lines[2]
    assert "4, 4, 4 channels beside 3 random" in lines[7]
    assert "0.500" in lines[7]


def test_mistakes_are_one_sentence(tiny, question):
    with pytest.raises(InputError, match=r"expected \[R, 12\]"):
        edits_beside_random(question, MASKS[:, :5], key=KEY)
    with pytest.raises(InputError, match="own pictures are missing"):
        edits_beside_random(dataclasses.replace(question, own=None), MASKS, key=KEY)
    with pytest.raises(InputError, match="num_pairs is 0"):
        sample_pairs(*tiny, layer=2, key=KEY, num=0)


def test_parts_that_are_in_no_picture_do_not_count():
    concentration = np.array([[1.0, np.nan, 3.0], [2.0, np.nan, np.nan]])
    assert mean_of_best(concentration) == 2.5
    assert np.isnan(mean_of_best(concentration[:, 1:2]))
