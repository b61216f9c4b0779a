import jax
import numpy as np
import pytest

from pmsfc_jax.core.masks import masks_from_labels
from pmsfc_jax.effects.comparison import MEASURES, Comparison, beside_random, random_masks
from pmsfc_jax.effects.subspace_effects import subspace_effects
from tests.effects.painter import LABELS, painter


@pytest.fixture(scope="module")
def found():
    own = painter()
    progress = []
    beside = beside_random(
        own.generator,
        own.params,
        masks_from_labels(LABELS, 2),
        layer=0,
        key=jax.random.key(0),
        num_random=6,
        num_pairs=8,
        batch_size=4,
        on_progress=lambda done, total: progress.append((done, total)),
    )
    return beside, progress


def test_subspaces_that_act_apart_beat_random_ones(found):
    beside, _ = found
    different = [not np.array_equal(m, beside.random_masks[0]) for m in beside.random_masks[1:]]
    assert any(different)
    for name in ("area", "overlap", "alignment", "shared", "colour_spread"):
        row = beside.measures[name]
        assert row.score(MEASURES[name].sign) > 0, name
        assert len(row.random) == 6
    assert beside.measures["overlap"].value < 1e-6
    assert "perceptual_rate" not in beside.measures


def test_random_partitions_are_measured_on_the_same_pairs(found):
    beside, progress = found
    own = painter()
    again = subspace_effects(
        own.generator,
        own.params,
        beside.random_masks[2],
        layer=0,
        key=jax.random.fold_in(jax.random.key(0), 0),
        num_pairs=8,
        batch_size=4,
    )
    assert np.array_equal(again.effect_maps, beside.random[2].effect_maps)
    # Whatever the partition, all channels exchanged make the same picture.
    assert len({effects.whole_change for effects in [beside.effects, *beside.random]}) == 1
    assert progress[0] == (4, 56)
    assert progress[-1] == (56, 56)


def test_random_partitions_keep_the_sizes():
    masks = np.asarray(masks_from_labels(np.array([0, 1, 1, 1, 2, 2]), 3))
    dealt = random_masks(masks, key=jax.random.key(3), number=4)
    for other in dealt:
        assert other.sum(1).tolist() == [1, 3, 2]
        assert (other.sum(0) == 1).all()
    assert not np.array_equal(dealt[0], dealt[1])


def test_measures_of_a_distance():
    own = painter()
    beside = beside_random(
        own.generator,
        own.params,
        masks_from_labels(LABELS, 2),
        layer=0,
        key=jax.random.key(0),
        num_random=2,
        num_pairs=4,
        distance=lambda a, b: np.abs(a - b)[..., 2].mean((1, 2)),  # blue, which the left has not
    )
    rates = beside.effects.perceptual / beside.effects.change
    assert rates[0] == 0
    row = beside.measures["perceptual_spread"]
    assert np.isclose(row.value, 1)  # 0 and r: standard deviation r/2, mean r/2
    assert np.isclose(beside.measures["perceptual_rate"].value, rates[1] / 2)


def test_scores_and_ranges():
    row = Comparison(2.0, np.array([3.0, 4.0, 5.0]))
    assert row.score(-1) == 2
    assert row.score(1) == -2
    assert row.beyond() == -1
    assert Comparison(4.5, row.random).beyond() == 0
    assert Comparison(6.0, row.random).beyond() == 1
    assert np.isnan(Comparison(1.0, np.array([2.0, 2.0])).score(1))


def test_one_subspace_has_nothing_to_be_separate_from():
    own = painter()
    beside = beside_random(
        own.generator,
        own.params,
        np.ones((1, 6)),
        layer=0,
        key=jax.random.key(0),
        num_random=1,
        num_pairs=2,
    )
    assert {"overlap", "alignment", "shared", "colour_spread"}.isdisjoint(beside.measures)
    assert beside.measures["interaction"].value == 0
