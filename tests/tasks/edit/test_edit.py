"""Exchanging subspaces and moving codes, against numpy written out, and to the bit at the ends."""

import dataclasses
import itertools

import jax
import numpy as np
import pytest
from PIL import Image

import pmsfc_jax as pm
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.tasks.edit.codes import length
from pmsfc_jax.tasks.edit.features import gate
from pmsfc_jax.tasks.edit.region import at_feature, box

MASKS = np.eye(3, dtype=np.float32).repeat(4, axis=1)


@pytest.fixture(scope="module")
def pair():
    return np.random.default_rng(0).normal(size=(2, 5, 6, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def drawing(tiny):
    """Two pictures of the tiny generator at layer 2, two codes in each of three subspaces."""
    generator, params = tiny
    rng = np.random.default_rng(1)
    latent = np.asarray(generator.draw(params, jax.random.key(0), 12)).reshape(2, 3, 2, 6)
    codes = pm.Codes(latent, 0.2 * rng.normal(size=(2, 3, 2, 12)).astype(np.float32))
    return pm.Drawing(codes, MASKS, 2, "pmsfc_full", generator="tiny")


def test_swapping_takes_the_channels_of_the_subspaces_and_no_others(pair):
    a, b = pair
    swapped = pm.swap(a, b, [0, 2], MASKS)
    np.testing.assert_array_equal(swapped[..., :4], b[..., :4])
    np.testing.assert_array_equal(swapped[..., 4:8], a[..., 4:8])
    np.testing.assert_array_equal(swapped[..., 8:], b[..., 8:])
    np.testing.assert_array_equal(pm.swap(a, b, [0, 1, 2], MASKS), b)
    np.testing.assert_array_equal(pm.swap(a, b, [1, 1], MASKS), pm.swap(a, b, [1], MASKS))


def test_a_share_of_nothing_is_the_picture_to_the_bit(pair):
    a, b = pair
    np.testing.assert_array_equal(pm.mix(a, b, [1], MASKS, 0.0), a)
    mixed = pm.mix(a, b, [1], MASKS, 0.25)
    np.testing.assert_allclose(mixed[..., 4:8], 0.75 * a[..., 4:8] + 0.25 * b[..., 4:8], rtol=1e-5)


def test_a_region_bounds_the_exchange(pair):
    a, b = pair
    region = np.zeros((5, 6), np.float32)
    region[:2], region[2] = 1, 0.5
    swapped = pm.swap(a, b, [0], MASKS, region)
    np.testing.assert_array_equal(swapped[:2, :, :4], b[:2, :, :4])
    np.testing.assert_allclose(swapped[2, :, :4], (a + b)[2, :, :4] / 2, rtol=1e-5)
    np.testing.assert_array_equal(swapped[3:], a[3:])
    np.testing.assert_array_equal(swapped[..., 4:], a[..., 4:])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gate([], MASKS), "no subspace is chosen"),
        (lambda: gate([3], MASKS), "there is no subspace 3: there are 3, counted from 0"),
        (lambda: gate([-1], MASKS), "there is no subspace -1"),
        (lambda: gate([0], MASKS, np.zeros((4, 4))), "covers nothing"),
        (lambda: pm.swap(np.zeros((4, 4, 12)), np.zeros((4, 4, 8)), [0], MASKS), "do not fit"),
        (lambda: box(0.5, 0, 0.5, 1), "0.5,0,0.5,1"),
        (lambda: box(0, 0, 1.5, 1), "in order, not"),
        (lambda: at_feature(np.zeros((8, 8)), (4, 4)), "draw it in white"),
    ],
)
def test_mistakes_are_one_plain_sentence(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_masks_come_to_the_feature_as_means_of_areas():
    """As Pillow's box filter has them."""
    mask = (np.random.default_rng(0).uniform(size=(12, 18)) > 0.5).astype(np.float32)
    for height, width in ((4, 6), (5, 7), (24, 18)):
        expected = Image.fromarray(mask).resize((width, height), Image.Resampling.BOX)
        if 12 % height == 0 and 18 % width == 0:
            ours = at_feature(mask, (height, width), feather=False)
            np.testing.assert_allclose(ours, np.asarray(expected), atol=1e-6)
    np.testing.assert_allclose(
        at_feature(mask, (5, 7), feather=False).mean(), mask.mean(), rtol=1e-5
    )
    whole = at_feature(np.ones((9, 9)), (4, 4))
    np.testing.assert_allclose(whole, 1, rtol=1e-6)
    edge = at_feature(box(0, 0, 0.5, 1, side=8), (8, 8))
    np.testing.assert_allclose(edge[0], [1, 1, 1, 0.75, 0.25, 0, 0, 0], atol=1e-6)


def test_morphing_ends_in_the_bits_of_either_and_keeps_the_density(drawing):
    a, b = drawing[0], drawing[1]
    assert pm.morph(a, b, 0) is a
    assert pm.morph(a, b, 1) is b
    half = pm.morph(a, b, 0.5)
    np.testing.assert_allclose(half.codes.w, (a.codes.w + b.codes.w) / 2, rtol=1e-5, atol=1e-7)
    ends = [length(one.codes.latent) for one in (a, b)]
    np.testing.assert_allclose(length(half.codes.latent), (ends[0] + ends[1]) / 2, rtol=1e-5)
    middle = (a.codes.latent + b.codes.latent).astype(np.float64)
    cosine = (half.codes.latent * middle).sum(-1) / (
        length(half.codes.latent) * np.linalg.norm(middle, axis=-1)
    )
    np.testing.assert_allclose(cosine, 1, rtol=1e-5)
    with pytest.raises(InputError, match="cannot be joined"):
        pm.morph(a, dataclasses.replace(b, layer=1), 0.5)
    with pytest.raises(InputError, match="1 pictures and 2"):
        pm.morph(a, drawing, 0.5)


def test_moving_changes_the_chosen_codes_alone_at_their_own_length(drawing):
    direction = np.random.default_rng(2).normal(size=6).astype(np.float32)
    assert pm.move(drawing, direction, 0.0) is drawing
    moved = pm.move(drawing, direction, 1.5, subspaces=[1])
    np.testing.assert_array_equal(moved.codes.latent[:, [0, 2]], drawing.codes.latent[:, [0, 2]])
    before, after = drawing.codes.latent[:, 1], moved.codes.latent[:, 1]
    expected = before + 1.5 * direction
    expected *= (np.linalg.norm(before, axis=-1) / np.linalg.norm(expected, axis=-1))[..., None]
    np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(InputError, match="direction has shape"):
        pm.move(drawing, direction[:5], 1.0)
    with pytest.raises(InputError, match="no set of codes 3"):
        pm.move(drawing, direction, 1.0, subspaces=[3])


def test_edits_are_saved_and_drawn_to_the_bit(tiny, drawing, tmp_path):
    generator, params = tiny
    h, context = pm.composed(generator, params, drawing)
    whole = pm.render(generator, params, drawing)
    nothing = pm.edited(drawing, pm.mix(h, h[::-1], [1], MASKS, 0.0), context, {"share": 0})
    np.testing.assert_array_equal(pm.render(generator, params, nothing), whole)
    edit = pm.edited(drawing, pm.swap(h, h[::-1], [1], MASKS), context, {"subspaces": [1]})
    pm.save_edited(tmp_path / "edit.npz", edit)
    again = pm.load_edited(tmp_path / "edit.npz")
    assert again.recipe == {"subspaces": [1]}
    assert "2 edited of tiny at layer 2" in repr(again)
    pictures = pm.render(generator, params, edit)
    np.testing.assert_array_equal(pm.render(generator, params, again), pictures)
    assert np.abs(pictures - whole).max() > 1e-3
    other = dataclasses.replace(edit, identity="b" * 64)
    with pytest.raises(InputError, match="these features are of tiny"):
        pm.render(generator.with_identity("a" * 64), params, other)
    damaged = (tmp_path / "edit.npz").read_bytes()[:-40]
    (tmp_path / "edit.npz").write_bytes(damaged)
    with pytest.raises(InputError, match="damaged"):
        pm.load_edited(tmp_path / "edit.npz")


def test_exchanging_codes_is_not_exchanging_a_subspace(tiny, drawing):
    """Why editing acts on features: under full weights a code serves every channel."""
    generator, params = tiny
    h, _ = pm.composed(generator, params, drawing)
    codes = drawing.codes
    latent = codes.latent.copy()
    latent[:, 1] = latent[::-1, 1]
    by_codes, _ = pm.composed(
        generator, params, dataclasses.replace(drawing, codes=codes._replace(latent=latent))
    )
    outside = [c for c, r in itertools.product(range(12), [1]) if MASKS[r, c] == 0]
    assert np.abs(by_codes - h)[..., outside].max() > 1e-3
    by_features = pm.swap(h, h[::-1], [1], MASKS)
    np.testing.assert_array_equal(by_features[..., outside], h[..., outside])
