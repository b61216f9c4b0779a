"""Drawings on disk: of this format and of the first, of plain stacks and of trees."""

import dataclasses

import jax
import numpy as np
import pytest

import pmsfc_jax as pm
from pmsfc_jax.inversion.presets import preset
from pmsfc_jax.io.arrays import save_arrays

from .nn.toy import toy

SETTINGS = {"layer": 2, "codes_per_subspace": 2, "num_steps": 2, "composition": "mganprior"}


@pytest.fixture(scope="module")
def inverted(tiny):
    generator, params = tiny
    targets = np.zeros((2, *generator.spec.image_shape), np.float32)
    targets[1, :8] = 0.5
    result = pm.invert(generator, params, targets, key=jax.random.key(0), config=preset(**SETTINGS))
    return generator, params, result


def test_a_drawing_comes_back_and_draws_the_same_bits(inverted, tmp_path):
    generator, params, result = inverted
    pm.save_codes(tmp_path / "two.npz", result.drawing)
    again = pm.load_codes(tmp_path / "two.npz")
    assert repr(again) == repr(result.drawing)
    assert "2 pictures of tiny at layer 2: mganprior, 1 x 2 codes" in repr(again)
    np.testing.assert_array_equal(pm.render(generator, params, again), result.reconstruction)
    one = pm.render(generator, params, again[1])
    np.testing.assert_array_equal(one, result.reconstruction[1:])


def test_files_of_the_first_format_are_read(inverted, tmp_path):
    """As version 0.1 wrote them: one picture, ``z``, ``method``."""
    generator, params, result = inverted
    drawing = result.drawing
    arrays = {
        "z": drawing.codes.latent[0],
        "w": drawing.codes.w[0],
        "masks": drawing.masks,
        "losses": result.losses[0],
    }
    facts = {
        "kind": "inversion codes",
        "format": 1,
        "layer": 2,
        "method": "mganprior",
        "precision": "default",
        "generator": "tiny",
        "identity": "",
        "target_sha256": "",
    }
    save_arrays(tmp_path / "old.npz", arrays, facts)
    old = pm.load_codes(tmp_path / "old.npz")
    np.testing.assert_array_equal(pm.render(generator, params, old), result.reconstruction[:1])
    save_arrays(tmp_path / "odd.npz", arrays, facts | {"method": "next_years"})
    with pytest.raises(pm.InputError, match=r"odd\.npz was composed by 'next_years'"):
        pm.load_codes(tmp_path / "odd.npz")
    save_arrays(tmp_path / "released.npz", arrays, facts | {"method": "released"})
    with pytest.raises(pm.InputError, match="do not fit together"):
        pm.load_codes(tmp_path / "released.npz")


@pytest.mark.slow
def test_latents_and_contexts_that_are_trees_come_back(tmp_path):
    generator, params = toy(jax.random.key(0))
    targets = np.zeros((1, *generator.spec.image_shape), np.float32)
    config = preset(**(SETTINGS | {"layer": 1}))
    result = pm.invert(generator, params, targets, key=jax.random.key(0), config=config)
    assert set(result.drawing.codes.context) == {"style", "picture"}
    pm.save_codes(tmp_path / "toy.npz", result.drawing)
    again = pm.load_codes(tmp_path / "toy.npz")
    assert set(again.codes.latent) == {"content", "style"}
    np.testing.assert_array_equal(pm.render(generator, params, again), result.reconstruction)


def test_half_of_drawing_is_composed_features(inverted):
    """What editing acts on: drawn on, they give the picture's bits."""
    generator, params, result = inverted
    h, context = pm.composed(generator, params, result.drawing)
    assert h.shape == (2, *generator.spec.feature_shape(2))
    assert context is None
    pictures = pm.draw_features(generator, params, h, context, layer=2)
    np.testing.assert_array_equal(pictures, result.reconstruction)


def test_drawings_that_differ_are_not_joined(inverted):
    from pmsfc_jax.inversion.drawing import join

    drawing = inverted[2].drawing
    assert len(join([drawing, drawing[0]])) == 3
    with pytest.raises(pm.InputError, match="cannot be joined"):
        join([drawing, dataclasses.replace(drawing, layer=1)])
    with pytest.raises(pm.InputError, match="no drawing"):
        join([])
