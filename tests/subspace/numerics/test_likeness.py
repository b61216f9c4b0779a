import jax
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import correlation_affinity, feature_gram, feature_mean, place_affinity


def test_against_numpy_on_the_same_latents(tiny):
    key = jax.random.key(3)
    options = {"layer": 1, "key": key, "num_samples": 10, "batch_size": 8}
    mean = feature_mean(tiny.generator, tiny.params, **options)
    gram = feature_gram(tiny.generator, tiny.params, **options)
    rows = np.concatenate(
        [
            tiny.features(jax.random.fold_in(key, index), 8, 1).reshape(8, -1, 20)[:count]
            for index, count in enumerate([8, 2])
        ]
    ).reshape(-1, 20)
    assert np.allclose(mean, rows.mean(0), rtol=1e-4, atol=1e-4)
    expected = np.abs(np.corrcoef(rows.T))
    np.fill_diagonal(expected, 0)
    assert np.allclose(correlation_affinity(gram, mean), expected, atol=1e-4)


def test_a_shared_mean_relates_no_channels():
    rng = np.random.default_rng(0)
    rows = 10 + rng.standard_normal((4000, 3)) @ np.array([[1, 1, 0], [0, 0, 1], [0, 0, 0]])
    rows[:, 2] = 10 + rng.standard_normal(4000)
    rows = np.concatenate([rows, np.full((4000, 1), 7.0)], axis=1)
    found = np.asarray(correlation_affinity(rows.T @ rows / 4000, rows.mean(0)))
    assert found[0, 1] > 0.99
    assert found[0, 2] < 0.1
    assert (found[3] == 0).all()  # constant


@pytest.mark.parametrize(
    ("mean", "part"),
    [(np.zeros(2), "3 channels"), (np.array([1.0, 1.0, 1.0]), "no channel varies")],
)
def test_mistakes(mean, part):
    with pytest.raises(InputError, match=part):
        correlation_affinity(np.eye(3), mean)


@pytest.mark.parametrize(
    ("maps", "part"),
    [
        (np.ones((3, 4)), "energy maps"),
        (-np.ones((3, 2, 2)), "energy maps"),
        (np.ones((3, 2, 2)), "same pixels alike"),
        (np.zeros((3, 2, 2)), "same pixels alike"),
    ],
)
def test_maps_without_places(maps, part):
    with pytest.raises(InputError, match=part):
        place_affinity(maps)
