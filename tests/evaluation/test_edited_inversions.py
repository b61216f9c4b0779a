"""Rows of the table of inversions that are edited."""

import dataclasses
import itertools

import jax
import numpy as np
import pytest

import pmsfc_jax as pm
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.evaluation.edited_inversions import as_markdown, measure_inversion, ordered_pairs
from pmsfc_jax.evaluation.edits import Question, sample_pairs

MASKS = np.eye(3, dtype=np.float32).repeat(4, axis=1)
KEY = jax.random.key(0)


def test_all_ordered_pairs_or_the_nearest():
    assert set(zip(*ordered_pairs(4), strict=True)) == set(itertools.permutations(range(4), 2))
    first, second = ordered_pairs(20, most=50)
    assert len(set(zip(first, second, strict=True))) == 50
    counts = np.bincount(first, minlength=20)
    assert counts.max() - counts.min() <= 1
    with pytest.raises(InputError, match="one picture only"):
        ordered_pairs(1)


@pytest.fixture(scope="module")
def question(tiny):
    generator, params = tiny
    parts = pm.find_parts(generator, params, layer=2, num_parts=2, key=KEY, num_samples=20)
    pairs = sample_pairs(generator, params, layer=2, key=KEY, num=8)
    return Question(generator, params, 2, pairs, parts)


def drawing_of(codes):
    """Single codes as a drawing of three sets: the feature of ``full`` is the mean of its codes."""
    latent = np.asarray(codes)[:, None, None].repeat(3, axis=1)
    return pm.Drawing(
        pm.Codes(latent, np.zeros((len(codes), 3, 1, 12), np.float32)),
        MASKS,
        2,
        "pmsfc_full",
        generator="tiny",
    )


def test_an_inversion_that_is_the_picture_itself(tiny, question):
    generator, params = tiny
    first, _ = jax.random.split(KEY)
    codes = generator.draw(params, first, 8)
    drawing = drawing_of(codes)
    targets = pm.to_uint8(pm.render(generator, params, drawing))
    row = measure_inversion(question, drawing, targets, MASKS, key=KEY, num_random=2)
    assert np.isinf(row["psnr"]).all()
    np.testing.assert_allclose(row["size_of_features"], 1, rtol=1e-5)
    assert set(row["measures"]) == {"change", "concentration", "inside"}
    assert len(row["measures"]["inside"]["random"]) == 2
    h, _ = pm.composed(generator, params, drawing)
    levels = []
    for i, j in itertools.permutations(range(8), 2):
        for r in range(3):
            swapped = pm.swap(h[i : i + 1], h[j : j + 1], [r], MASKS)
            drawn = pm.draw_features(generator, params, swapped, None, layer=2)
            before = pm.draw_features(generator, params, h[i : i + 1], None, layer=2)
            levels.append(127.5 * np.abs(drawn - before).mean())
    np.testing.assert_allclose(row["measures"]["change"]["value"], np.mean(levels), rtol=1e-4)


def test_another_cut_is_refused(tiny, question):
    drawing = dataclasses.replace(drawing_of(np.zeros((2, 6), np.float32)), layer=3)
    with pytest.raises(InputError, match="cut at layer 3 and edits are measured at layer 2"):
        measure_inversion(question, drawing, np.zeros((2, 16, 16, 3), np.uint8), MASKS, key=KEY)


def test_the_table():
    measure = {"value": 1.0, "random": [0.5, 0.25]}
    row = {
        "psnr": [30.0, 31.0],
        "size_of_features": 1.5,
        "unedited_precision": None,
        "measures": {"change": measure, "concentration": measure},
    }
    lines = as_markdown({"one code": row}).splitlines()
    assert len(lines) == 3
    assert lines[2] == "| one code | 30.5 | 1.50 | 1.0 | 1.00 | 0.38 (0.25 to 0.50) |"
    judged = row | {"unedited_precision": 0.9, "measures": row["measures"] | {"precision": measure}}
    assert "| 0.90 | 1.00 | 0.38 (0.25 to 0.50) |" in as_markdown({"one code": judged})
