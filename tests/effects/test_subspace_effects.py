import dataclasses

import jax
import numpy as np
import pytest

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.masks import masks_from_labels
from pmsfc_jax.effects.exchange import exchange_batches, exchange_grid
from pmsfc_jax.effects.subspace_effects import subspace_effects
from tests.effects.painter import (
    CHANNELS,
    HEIGHT,
    LABELS,
    LEFT,
    RIGHT,
    WIDTH,
    expected_changes,
    latents,
    painter,
    pictures,
)

PAIRS, BATCH = 7, 4


@pytest.fixture(scope="module")
def masks():
    return np.asarray(masks_from_labels(LABELS, 2))


@pytest.fixture(scope="module")
def measured(masks):
    seen = []

    def distance(a, b):
        seen.append(len(a))
        return np.abs(a - b).max((1, 2, 3))

    own, key = painter(), jax.random.key(1)
    progress = []
    effects = subspace_effects(
        own.generator,
        own.params,
        masks,
        layer=0,
        key=key,
        num_pairs=PAIRS,
        batch_size=BATCH,
        distance=distance,
        num_distance_pairs=5,
        on_progress=lambda done, total: progress.append((done, total)),
    )
    changes = expected_changes(own.params, masks, *latents(key, PAIRS, BATCH))
    return effects, changes, progress, seen


def test_pictures_of_a_pair(masks):
    own, key = painter(with_context=True), jax.random.key(1)
    batches = list(
        exchange_batches(
            Cut(own.generator, 0), own.params, masks, key=key, num_pairs=PAIRS, batch_size=BATCH
        )
    )
    assert [len(batch.source) for batch in batches] == [4, 3]
    z_a, z_b = latents(key, PAIRS, BATCH)
    context = z_a[:, 0, None, None, None]  # the source's, whatever is exchanged
    weights = own.params["head"].astype(np.float64)
    source = pictures(own.params, z_a @ weights) + context
    partner = pictures(own.params, z_b @ weights) + context
    changes = expected_changes(own.params, masks, z_a, z_b)
    for name, expected in [
        ("source", source),
        ("partner", partner),
        ("exchanged", source[:, None] + changes),
    ]:
        found = np.concatenate([getattr(batch, name) for batch in batches])
        assert np.allclose(found, expected, atol=1e-5), name


def test_the_grid_has_source_subspaces_and_partner_in_its_columns(masks):
    own = painter()
    grid = exchange_grid(own.generator, own.params, masks, layer=0, key=jax.random.key(2))
    assert grid.shape == (6, 4, HEIGHT, WIDTH, 3)
    source, left, right, partner = grid.swapaxes(0, 1)
    assert np.allclose(left[:, :, RIGHT], source[:, :, RIGHT], atol=1e-6)
    assert np.allclose(left[:, :, LEFT], partner[:, :, LEFT], atol=1e-5)
    assert np.allclose(right[:, :, LEFT], source[:, :, LEFT], atol=1e-6)
    assert np.allclose(right[:, :, RIGHT], partner[:, :, RIGHT], atol=1e-5)
    assert not np.allclose(source, partner, atol=0.1)


def test_maps_and_means_against_a_loop(measured):
    effects, changes, progress, _ = measured
    for r in range(2):
        expected = np.mean([np.abs(changes[p, r]).mean(-1) for p in range(PAIRS)], axis=0)
        assert np.allclose(effects.effect_maps[r], expected, atol=1e-5)
        assert np.isclose(effects.change[r], expected.mean(), atol=1e-6)
    whole = np.abs(changes.sum(axis=1))
    assert np.isclose(effects.whole_change, whole.mean(), atol=1e-5)
    assert progress == [(4, 7), (7, 7)]
    assert effects.num_pairs == 7
    assert effects.effect_maps.dtype == np.float32


def test_subspaces_that_paint_different_pixels_are_separate(measured):
    effects, _, _, _ = measured
    assert np.allclose(effects.overlap, np.eye(2), atol=1e-6)
    assert np.allclose(effects.alignment, np.eye(2), atol=1e-6)
    assert np.allclose(effects.shared, np.eye(2), atol=1e-6)
    assert effects.interaction < 1e-6  # a linear tail adds up
    assert (effects.area <= [3 / WIDTH + 1e-6, 4 / WIDTH + 1e-6]).all()
    assert (effects.map_area <= [3 / WIDTH + 1e-6, 4 / WIDTH + 1e-6]).all()
    assert effects.colour[0] > 0.3
    assert np.isclose(effects.colour[1], 0, atol=1e-6)


def test_shares_of_energy_over_all_pairs(measured):
    effects, changes, _, _ = measured
    for r in range(2):
        energy = np.square(changes[:, r]).sum()
        grey = changes[:, r].mean(-1)
        assert np.isclose(effects.colour[r], 1 - 3 * np.square(grey).sum() / energy, atol=1e-5)
        flat = HEIGHT * WIDTH * np.square(changes[:, r].mean((1, 2))).sum()
        assert np.isclose(effects.flat[r], flat / energy, atol=1e-5)


def test_the_distance_is_taken_of_the_first_pairs(measured):
    effects, changes, _, seen = measured
    assert seen == [4, 4, 4, 1, 1, 1]
    for r in range(2):
        expected = np.mean([np.abs(changes[p, r]).max() for p in range(5)])
        assert np.isclose(effects.perceptual[r], expected, atol=1e-5)
    assert np.isclose(
        effects.whole_perceptual,
        np.mean([np.abs(changes[p].sum(0)).max() for p in range(5)]),
        atol=1e-5,
    )


def test_a_tail_that_does_not_add_up():
    own = painter()
    clipped = dataclasses.replace(
        own.generator,
        tail=lambda params, h, context, *, layer: (
            0.0 * own.generator.tail(params, h, context, layer=layer)
            + (h[:, :1, :1, :1] * h[:, :1, :1, 3:4])
        ),
    )
    masks = masks_from_labels(LABELS, 2)
    key = jax.random.key(4)
    effects = subspace_effects(
        clipped, own.params, masks, layer=0, key=key, num_pairs=5, batch_size=5
    )
    z_a, z_b = latents(key, 5, 5)
    weights = own.params["head"].astype(np.float64)
    a, b = (z_a @ weights)[:, [0, 3]], (z_b @ weights)[:, [0, 3]]
    whole = b[:, 0] * b[:, 1] - a[:, 0] * a[:, 1]
    parts = (b[:, 0] - a[:, 0]) * a[:, 1] + a[:, 0] * (b[:, 1] - a[:, 1])
    expected = np.linalg.norm(parts - whole) / np.linalg.norm(whole)
    assert np.isclose(effects.interaction, expected, rtol=1e-4)


def test_a_subspace_that_changes_nothing_is_undefined_and_not_an_error():
    own = painter()
    effects = subspace_effects(
        own.generator,
        own.params,
        masks_from_labels(np.array([0, 0, 0, 0, 0, 1]), 2),
        layer=0,
        key=jax.random.key(0),
        num_pairs=3,
    )
    assert effects.change[1] == 0
    for values in (effects.area, effects.radius, effects.colour, effects.flat):
        assert np.isfinite(values[0])
        assert np.isnan(values[1])
    assert np.isnan(effects.overlap[0, 1])


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"masks": np.ones((2, CHANNELS))}, "2 subspaces"),
        ({"masks": np.ones((1, CHANNELS + 1))}, "6 channels at layer 0"),
        ({"layer": 3}, "no layer 3"),
        ({"num_pairs": 1}, "num_pairs is 1"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_mistakes(masks, change, part):
    own = painter()
    options = {"masks": masks, "layer": 0, "num_pairs": 4, "key": jax.random.key(0)} | change
    with pytest.raises(InputError, match=part):
        subspace_effects(own.generator, own.params, options.pop("masks"), **options)
