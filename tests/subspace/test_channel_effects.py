import jax
import numpy as np
import pytest

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.subspace import channel_effects, cosine_affinity, place_affinity, spectral_clustering
from tests.effects.painter import CHANNELS, expected_changes, latents, painter


@pytest.fixture(scope="module")
def effects():
    own, key, progress = painter(), jax.random.key(6), []
    found = channel_effects(
        Cut(own.generator, 0),
        own.params,
        key=key,
        num_pairs=5,
        batch_size=3,
        on_progress=lambda done, total: progress.append((done, total)),
    )
    assert progress == [(3, 5), (5, 5)]
    return found, expected_changes(own.params, np.eye(CHANNELS), *latents(key, 5, 3))


def test_gram_and_maps_against_loops(effects):
    found, changes = effects
    for i in range(CHANNELS):
        assert np.allclose(
            found.energy_maps[i], np.square(changes[:, i]).sum(-1).mean(0), atol=1e-4
        )
        for j in range(CHANNELS):
            expected = (changes[:, i] * changes[:, j]).mean()
            assert np.isclose(found.gram[i, j], expected, atol=1e-5)


def test_channels_that_paint_the_same_part_are_found(effects):
    found, _ = effects
    for affinity in (place_affinity(found.energy_maps), cosine_affinity(found.gram)):
        matrix = np.asarray(affinity)
        assert (np.diag(matrix) == 0).all()
        assert (matrix[:3, 3:] == 0).all()
        assert (matrix[5] == 0).all()
        labels = np.asarray(spectral_clustering(affinity, 2, key=jax.random.key(0)))
        assert len(set(labels[:3])) == len(set(labels[3:5])) == 1
        assert labels[0] != labels[3]
