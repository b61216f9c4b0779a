import dataclasses
import json

import jax
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import discover_subspaces

from .synthetic import constrained_ridge, gram_of, relative_error


def discover(tiny, **changes):
    arguments = {
        "layer": 0,
        "num_subspaces": 3,
        "key": jax.random.key(0),
        "num_samples": 150,
        "batch_size": 32,
        "num_restarts": 10,
        **changes,
    }
    return discover_subspaces(tiny.generator, tiny.params, **arguments)


def fresh_gram(tiny, seed: int) -> np.ndarray:
    return gram_of(tiny.features(jax.random.key(seed), 2000, 0))


def test_finds_the_groups_of_channels_the_generator_was_made_of(tiny):
    found = discover(tiny)
    labels = np.asarray(found.labels)
    assert adjusted_rand_score(tiny.labels, labels) == 1.0
    assert sorted(found.sizes) == [5, 6, 9]
    assert (found.layer, found.num_subspaces) == (0, 3)
    np.testing.assert_array_equal(found.masks, labels[None, :] == np.arange(3)[:, None])
    assert found.eigenvalues.shape == (20,)
    assert not np.any(found.isolated)


def test_coefficients_and_residuals_are_those_of_the_population(tiny):
    found = discover(tiny, num_samples=3000)
    expected = constrained_ridge(fresh_gram(tiny, 99), found.settings.mu)
    assert relative_error(found.coefficients, expected) < 0.1
    # An independent draw gives the held-out residual again, up to the sampling error.
    gram = fresh_gram(tiny, 5)
    error = np.eye(20) - np.asarray(found.coefficients, np.float64)
    independent = np.trace(error.T @ gram @ error) / np.trace(gram)
    assert found.held_out_residual == pytest.approx(independent, rel=0.05)
    assert found.residual == pytest.approx(independent, rel=0.05)
    assert found.held_out_residual != found.residual


def test_the_held_out_latents_are_others_even_if_as_many(tiny):
    # With a single latent of 20 positions the coefficients fit what was seen, not what was not.
    found = discover(tiny, num_samples=1, num_held_out=1, mu=1e-6, layer=1)
    assert found.held_out_residual > 1.5 * found.residual


def test_is_reproducible_and_needs_one_trace(tiny):
    # No other test uses this batch size, so nothing is cached beforehand.
    first, again = discover(tiny, batch_size=29), discover(tiny, batch_size=29)
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, other)
    assert tiny.head_calls == [0]
    other = discover(tiny, batch_size=29, key=jax.random.key(1))
    assert np.any(np.asarray(other.coefficients) != np.asarray(first.coefficients))
    np.testing.assert_array_equal(other.labels, first.labels)


def test_is_a_tree_whose_layer_is_static(tiny):
    found = discover(tiny)
    calls = []

    def double_masks(subspaces):
        calls.append(subspaces.layer)
        return dataclasses.replace(subspaces, masks=subspaces.masks * 2)

    doubled = jax.jit(double_masks)(found)
    assert calls == [0]
    assert doubled.settings == found.settings
    np.testing.assert_array_equal(doubled.masks, 2 * np.asarray(found.masks))


def test_settings_are_complete_and_plain(tiny):
    found = discover(tiny, keep_mass=0.9, rank=7, affinity_power=2.0, mu=0.1)
    settings = json.loads(json.dumps(dataclasses.asdict(found.settings)))
    assert settings == {
        "generator": "tiny",
        "num_samples": 150,
        "num_held_out": 38,
        "batch_size": 32,
        "method": "ridge",
        "mu": 0.1,
        "keep_mass": 0.9,
        "rank": 7,
        "affinity_power": 2.0,
        "num_restarts": 10,
    }


def test_progress_covers_both_sets_of_latents(tiny):
    seen = []
    discover(
        tiny,
        num_samples=70,
        num_held_out=40,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(32, 110), (64, 110), (70, 110), (102, 110), (110, 110)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": 2}, "tiny has no layer 2: choose one of 0 to 1"),
        ({"num_subspaces": 21}, "num_subspaces is 21 but there are only 20 channels at layer 0"),
        ({"num_subspaces": 0}, "num_subspaces is 0"),
        ({"num_samples": 0}, "num_samples is 0"),
        ({"num_held_out": 0}, "num_held_out is 0"),
        ({"method": "magic"}, "unknown method 'magic'"),
        ({"mu": -1.0}, "mu is -1"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(tiny, changes, message):
    with pytest.raises(InputError, match=message):
        discover(tiny, **changes)
    assert tiny.head_calls == []


@pytest.mark.parametrize(
    ("weights", "value", "message"),
    [
        ("mixing", 0.0, "every feature is zero"),
        ("mixing", 1.0, "features are constant"),
        ("sources", np.nan, "features that are not finite"),
    ],
)
def test_degenerate_generators_are_refused(tiny, weights, value, message):
    params = {**tiny.params, weights: np.full_like(tiny.params[weights], value)}
    with pytest.raises(InputError, match=message):
        discover(tiny._replace(params=params))
