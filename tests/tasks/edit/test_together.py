"""Pictures that can be edited together, and those that cannot."""

import dataclasses

import numpy as np
import pytest

import pmsfc_jax as pm
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.tasks.edit.frames import limited_frames, mixed_frames, strengths
from pmsfc_jax.tasks.edit.together import check_together, common_masks

MASKS = np.eye(3, dtype=np.float32).repeat(2, axis=1)


def drawing(**changes):
    codes = pm.Codes(np.zeros((1, 3, 1, 4), np.float32), np.zeros((1, 3, 1, 6), np.float32))
    one = pm.Drawing(codes, MASKS, 2, "pmsfc_full", generator="a", identity="1" * 64)
    return dataclasses.replace(one, **changes)


def test_another_numbering_is_the_same_partition():
    found = common_masks({"a": drawing(), "b": drawing(masks=MASKS[[2, 0, 1]])})
    np.testing.assert_array_equal(found, MASKS)


def test_pictures_without_subspaces_have_no_say():
    whole = drawing(masks=np.ones((1, 6), np.float32))
    np.testing.assert_array_equal(common_masks({"a": whole, "b": drawing()}), MASKS)
    np.testing.assert_array_equal(common_masks({"a": whole}), whole.masks)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"identity": "2" * 64}, "x was found with a (weights 111111111111) and y with a"),
        ({"generator": "b", "identity": ""}, "y with b: edit pictures of one generator"),
        ({"layer": 1}, "x was cut at layer 2 and y at layer 1"),
        ({"masks": MASKS[:, ::2].repeat(2, 1)[:2]}, "different subspaces: say with --subspaces"),
        ({"masks": np.roll(MASKS, 1, axis=1)}, "x and y were found with different subspaces"),
    ],
)
def test_what_does_not_fit_is_one_sentence(changes, message):
    def check(drawings):
        check_together(drawings)
        common_masks(drawings)

    with pytest.raises(InputError) as caught:
        check({"x": drawing(), "y": drawing(**changes)})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_frames_are_equal_steps():
    assert strengths(1.0, 5) == [0, 0.25, 0.5, 0.75, 1]
    assert strengths(2.0, 3, first=-2.0) == [-2, 0, 2]
    assert strengths(0.7, 1) == [0.7]
    with pytest.raises(InputError, match="frames is 0"):
        strengths(1.0, 0)


def test_frames_of_features():
    a, b = np.random.default_rng(0).normal(size=(2, 3, 3, 6)).astype(np.float32)
    region = np.eye(3, dtype=np.float32)
    frames = mixed_frames(a, b, [1], MASKS, [0, 0.5, 1], region)
    np.testing.assert_array_equal(frames[0], a)
    for i, j in np.ndindex(3, 3):
        expected = a[i, j].copy()
        if i == j:
            expected[2:4] = b[i, j, 2:4]
        np.testing.assert_array_equal(frames[2][i, j], expected)
    limited = limited_frames(a, np.stack([a, b]), [1], MASKS, region)
    np.testing.assert_array_equal(limited, frames[[0, 2]])
