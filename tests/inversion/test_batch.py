"""Any number of images: independence of batching, keys, padding, and refusals."""

import dataclasses

import jax
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.batch import (
    Batch,
    Perceptual,
    image_keys,
    invert,
    invert_batches,
    plan_batches,
    render_codes,
)
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.optimise import advance

from .conftest import assert_same_bits, partition

KEY = jax.random.key(0)
CONFIG = InversionConfig(codes_per_subspace=2, num_steps=20, batch_size=2)


@pytest.fixture(scope="module")
def result(tiny, subspaces, targets):
    return invert(*tiny, targets, subspaces=subspaces, key=KEY, config=CONFIG)


def test_the_result_has_the_stated_shapes(result):
    assert result.reconstruction.shape == (5, 16, 16, 3)
    assert result.codes.shape == (5, 3, 2, 6)
    assert result.weights.shape == (5, 3, 2, 12)
    assert result.masks.shape == (3, 12)
    assert result.losses.shape == (5, 20)
    for name in ("best_step", "guarded", "failed", "restarted", "seconds"):
        assert getattr(result, name).shape == (5,)
    assert result.layer == 2
    assert not result.failed.any()
    assert not result.restarted.any()
    assert (result.seconds > 0).all()


def test_the_loss_falls_and_is_that_of_the_reconstruction(result, targets):
    assert (result.losses.min(axis=1) < 0.7 * result.losses[:, 0]).all()
    error = ((result.reconstruction - targets).astype(np.float64) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(error, result.losses.min(axis=1), rtol=1e-3)


def test_results_do_not_depend_on_the_batch(tiny, subspaces, targets, result):
    alone = invert(*tiny, targets[3:4], subspaces=subspaces, key=KEY, config=CONFIG)
    turned = invert(*tiny, targets[::-1], subspaces=subspaces, key=KEY, config=CONFIG)
    np.testing.assert_allclose(alone.losses[0], result.losses[3], rtol=1e-2)
    np.testing.assert_allclose(turned.losses[::-1], result.losses, rtol=1e-2)


def test_repeating_gives_the_same_bits(tiny, subspaces, targets, result):
    again = invert(*tiny, targets, subspaces=subspaces, key=KEY, config=CONFIG)
    assert_same_bits(again, result)


def test_all_batches_share_one_trace(tiny, subspaces, targets):
    """The odd last batch, and the steps after the first loop, compile nothing new."""
    config = dataclasses.replace(CONFIG, codes_per_subspace=1)  # compiled by no other test
    before = advance._cache_size()
    batches = list(invert_batches(*tiny, targets, subspaces=subspaces, key=KEY, config=config))
    assert [rows for rows, _ in batches] == [(0, 1), (2, 3), (4,)]
    assert advance._cache_size() == before + 1


def test_what_is_left_keeps_the_batch_shape_and_its_bits(tiny, subspaces, targets, result):
    """One image that is left of a batch of two costs no compilation, and is not changed by it."""
    before = advance._cache_size()
    left = [Batch((4,), 2)]
    [(rows, found)] = invert_batches(
        *tiny, targets, subspaces=subspaces, key=KEY, config=CONFIG, batches=left
    )
    assert rows == (4,)
    assert advance._cache_size() == before
    np.testing.assert_array_equal(found.codes, result.codes[4:])
    np.testing.assert_array_equal(found.losses, result.losses[4:])


def test_companions_change_nothing_within_a_shape(tiny, subspaces, targets, result):
    swapped = [Batch((3, 0), 2)]
    [(_, found)] = invert_batches(
        *tiny, targets, subspaces=subspaces, key=KEY, config=CONFIG, batches=swapped
    )
    np.testing.assert_allclose(found.losses, result.losses[[3, 0]], rtol=1e-2)


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        (1, 8, [(1, 1)]),
        (8, 8, [(8, 8)]),
        (9, 8, [(8, 8), (1, 8)]),
        (5, 2, [(2, 2), (2, 2), (1, 2)]),
        (0, 8, []),
    ],
)
def test_batches_are_of_one_size_and_no_larger_than_needed(count, size, expected):
    batches = plan_batches(range(10, 10 + count), size)
    assert [(len(batch.rows), batch.size) for batch in batches] == expected
    assert [row for batch in batches for row in batch.rows] == list(range(10, 10 + count))


def test_rendering_the_codes_gives_the_same_bits(tiny, result):
    image = render_codes(
        *tiny, result.codes[4:], result.weights[4:], result.masks, layer=2, method="pmsfc"
    )
    np.testing.assert_array_equal(image, result.reconstruction[4:])


def test_an_earlier_result_is_gone_on_from(tiny, subspaces, targets, result):
    """The first loss is that of the codes given; of all images, in batches as in one."""
    again = invert(*tiny, targets, subspaces=subspaces, key=KEY, config=CONFIG, start_from=result)
    np.testing.assert_allclose(again.losses[:, 0], result.losses.min(axis=1), rtol=1e-4)
    with pytest.raises(InputError, match="of 5 images and there are 2"):
        invert(*tiny, targets[:2], subspaces=subspaces, key=KEY, config=CONFIG, start_from=result)


def test_keys_come_from_pixels(targets):
    keys = jax.random.key_data(image_keys(KEY, targets))
    turned = jax.random.key_data(image_keys(KEY, targets[::-1]))
    np.testing.assert_array_equal(keys, turned[::-1])
    assert len(np.unique(keys, axis=0)) == 5
    other = jax.random.key_data(image_keys(jax.random.key(1), targets))
    assert (other != keys).any(axis=1).all()


def test_progress_counts_to_the_end(tiny, subspaces, targets):
    seen = []
    invert(
        *tiny,
        targets,
        subspaces=subspaces,
        key=KEY,
        config=CONFIG,
        on_progress=lambda done, total, loss: seen.append((done, total)),
    )
    assert seen[-1] == (100, 100)
    assert seen == sorted(seen)


@pytest.mark.parametrize(("method", "count"), [("mganprior", 4), ("single", 1)])
def test_the_baselines_run_on_one_subspace(tiny, targets, method, count):
    config = InversionConfig(method, 2, count, num_steps=20, batch_size=5)
    result = invert(*tiny, targets, key=KEY, config=config)
    assert result.codes.shape == (5, 1, count, 6)
    assert (result.losses.min(axis=1) < result.losses[:, 0]).all()


def test_more_codes_redraw_better(tiny, subspaces, targets, result):
    """The point of the method: composed features reach what a single code does not."""
    del subspaces
    single = invert(*tiny, targets, key=KEY, config=InversionConfig("single", 2, 1, num_steps=20))
    assert result.losses.min(axis=1).mean() < single.losses.min(axis=1).mean()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), "draws images of"),
        (np.zeros((0, 16, 16, 3), np.float32), "draws images of"),
        (np.zeros((2, 16, 16, 3), np.uint8), "give floats"),
        (np.full((2, 16, 16, 3), 127.0, np.float32), "finite and in"),
        (np.full((2, 16, 16, 3), np.nan, np.float32), "finite and in"),
    ],
)
def test_bad_targets_are_refused(tiny, subspaces, bad, message):
    with pytest.raises(InputError, match=message):
        invert(*tiny, bad, subspaces=subspaces, key=KEY, config=CONFIG)


def test_settings_that_contradict_each_other_are_refused(tiny, subspaces, targets):
    def attempt(config, subspaces=None, perceptual=None):
        invert(*tiny, targets, subspaces=subspaces, key=KEY, config=config, perceptual=perceptual)

    with pytest.raises(InputError, match="give subspaces="):
        attempt(CONFIG)
    with pytest.raises(InputError, match="use one layer for both"):
        attempt(InversionConfig(layer=1), subspaces)
    with pytest.raises(InputError, match="needs a layer"):
        attempt(InversionConfig("mganprior"))
    with pytest.raises(InputError, match="has no layer 9"):
        attempt(InversionConfig("mganprior", 9))
    with pytest.raises(InputError, match="discover them for this generator"):
        attempt(InversionConfig(), partition([0, 1, 0], layer=2))
    with pytest.raises(InputError, match="no perceptual network"):
        attempt(InversionConfig(perceptual_weight=0.1), subspaces)


def test_a_perceptual_network_can_be_given(tiny, subspaces, targets):
    v = Perceptual(lambda params, x: [x * params["gain"]], {"gain": np.float32(2)}, "gain")
    config = InversionConfig(codes_per_subspace=2, num_steps=2, perceptual_weight=0.5, batch_size=5)
    result = invert(*tiny, targets, subspaces=subspaces, key=KEY, config=config, perceptual=v)
    plain = invert(
        *tiny,
        targets,
        subspaces=subspaces,
        key=KEY,
        config=InversionConfig(codes_per_subspace=2, num_steps=2, batch_size=5),
    )
    assert (result.losses[:, 0] > plain.losses[:, 0]).all()


@pytest.mark.parametrize(
    "values",
    [
        {"method": "other"},
        {"codes_per_subspace": 0},
        {"num_steps": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"pixel_weight": -1.0},
        {"pixel_weight": 0.0},
        {"precision": "float32"},
        {"method": "single", "codes_per_subspace": 2},
    ],
)
def test_impossible_settings_are_refused(values):
    with pytest.raises(InputError):
        InversionConfig(**values)
