import dataclasses

import jax
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import (
    ByCorrelation,
    ByCosine,
    ByEffect,
    Clustering,
    DiscoverySettings,
    Lasso,
    Latents,
    Paper,
    PaperOptions,
    Ridge,
    channel_effects,
    correlation_affinity,
    cosine_affinity,
    discover_subspaces,
    feature_gram,
    feature_mean,
    spectral_clustering_details,
)

from .synthetic import constrained_ridge, gram_of, relative_error

LATENTS = Latents(150, batch_size=32)


def discover(
    tiny,
    *,
    layer=0,
    num_subspaces=3,
    key=None,
    on_progress=None,
    latents=LATENTS,
    clustering=None,
    **settings,
):
    return discover_subspaces(
        tiny.generator,
        tiny.params,
        layer=layer,
        num_subspaces=num_subspaces,
        key=jax.random.key(0) if key is None else key,
        settings=DiscoverySettings(latents, clustering=clustering or Clustering(10), **settings),
        on_progress=on_progress,
    )


def fresh_gram(tiny, seed: int) -> np.ndarray:
    return gram_of(tiny.features(jax.random.key(seed), 2000, 0))


def test_finds_the_groups_of_channels_the_generator_was_made_of(tiny):
    found = discover(tiny)
    labels = np.asarray(found.labels)
    assert adjusted_rand_score(tiny.labels, labels) == 1.0
    assert sorted(found.sizes) == [5, 6, 9]
    assert (found.layer, found.num_subspaces) == (0, 3)
    np.testing.assert_array_equal(found.masks, labels[None, :] == np.arange(3)[:, None])
    assert found.discovery.eigenvalues.shape == (20,)
    assert not np.any(found.discovery.isolated)


def test_coefficients_and_residuals_are_those_of_the_population(tiny):
    found = discover(tiny, latents=Latents(3000, batch_size=32)).discovery
    expected = constrained_ridge(fresh_gram(tiny, 99), found.settings.method.mu)
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
    found = discover(tiny, latents=Latents(1, 1, 32), method=Ridge(mu=1e-6), layer=1).discovery
    assert found.held_out_residual > 1.5 * found.residual


def test_is_reproducible_and_needs_one_trace(tiny):
    # No other test uses this batch size, so nothing is cached beforehand.
    latents = Latents(150, batch_size=29)
    first, again = discover(tiny, latents=latents), discover(tiny, latents=latents)
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, other)
    assert tiny.head_calls == [0]
    other = discover(tiny, latents=latents, key=jax.random.key(1))
    assert np.any(
        np.asarray(other.discovery.coefficients) != np.asarray(first.discovery.coefficients)
    )
    np.testing.assert_array_equal(other.labels, first.labels)


def test_is_a_tree_whose_layer_is_static(tiny):
    found = discover(tiny)
    calls = []

    def double_masks(subspaces):
        calls.append(subspaces.layer)
        return dataclasses.replace(subspaces, masks=subspaces.masks * 2)

    doubled = jax.jit(double_masks)(found)
    assert calls == [0]
    assert doubled.discovery.settings == found.discovery.settings
    np.testing.assert_array_equal(doubled.masks, 2 * np.asarray(found.masks))


def test_progress_covers_both_sets_of_latents(tiny):
    seen = []
    discover(
        tiny,
        latents=Latents(70, 40, 32),
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(32, 110), (64, 110), (70, 110), (102, 110), (110, 110)]


PAPER = Paper(options=PaperOptions(num_steps=40, batch_size=16, num_held_out=32))


def test_the_whole_objective_finds_the_groups_too(tiny):
    seen = []
    found = discover(
        tiny,
        method=PAPER,
        latents=Latents(150, 40, 32),
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert adjusted_rand_score(tiny.labels, found.labels) == 1.0
    found, lasso = found.discovery, discover(tiny, method=Lasso()).discovery
    assert lasso.image_error is None
    assert 0 < found.image_error < 1
    assert found.settings.method.mu == lasso.settings.method.mu
    assert np.any(np.asarray(found.coefficients) != np.asarray(lasso.coefficients))
    assert found.settings.method.options.image_weight > 0
    total = 150 + 40 + (2 + 40 + 4) * 16
    assert seen[0] == (32, total)
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_the_penalty_of_the_whole_objective_can_be_chosen_too(tiny):
    mus = [
        discover(tiny, method=method).discovery.settings.method.mu
        for method in (dataclasses.replace(PAPER, mu="held_out"), Lasso(mu="held_out"))
    ]
    assert mus[0] == mus[1]


@pytest.mark.parametrize("relation", [ByCosine(), ByCorrelation(), ByEffect(32)])
def test_other_relations_cluster_their_own_affinity_and_keep_the_coefficients(tiny, relation):
    found = discover(tiny, relation=relation)
    streams = [jax.random.fold_in(jax.random.key(0), stream) for stream in range(5)]
    latents = {"layer": 0, "key": streams[0], "num_samples": 150, "batch_size": 32}
    given = (tiny.generator, tiny.params)
    matrix = {
        "cosine": lambda: cosine_affinity(feature_gram(*given, **latents)),
        "correlation": lambda: correlation_affinity(
            feature_gram(*given, **latents), feature_mean(*given, **latents)
        ),
        "effect": lambda: cosine_affinity(
            channel_effects(Cut(given[0], 0), given[1], key=streams[4], num_pairs=32).gram
        ),
    }[relation.name]()
    expected = spectral_clustering_details(matrix, 3, key=streams[2], num_restarts=10)
    assert adjusted_rand_score(expected.labels, found.labels) == 1.0
    found, plain = found.discovery, discover(tiny).discovery
    np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues, atol=1e-5)
    assert np.abs(np.asarray(found.eigenvalues) - np.asarray(plain.eigenvalues)).max() > 0.01
    assert found.settings.relation == relation
    np.testing.assert_array_equal(found.coefficients, plain.coefficients)


def test_float32_finds_the_same_subspaces(tiny):
    for method in (Ridge, Lasso):
        one, other = (
            discover(tiny, method=method(precision=precision))
            for precision in ("float64", "float32")
        )
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_allclose(
            one.discovery.coefficients, other.discovery.coefficients, atol=1e-3
        )
        assert other.discovery.settings.method.precision == "float32"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": 2}, "tiny has no layer 2: choose one of 0 to 1"),
        ({"num_subspaces": 21}, "num_subspaces is 21 but there are only 20 channels at layer 0"),
        ({"num_subspaces": 0}, "num_subspaces is 0"),
        ({"method": PAPER, "layer": 2}, "tiny has no layer 2"),
        ({"method": PAPER, "num_subspaces": 21}, "there are only 20 channels at layer 0"),
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
    for method in (Ridge(), PAPER, Ridge(precision="float32")):
        with pytest.raises(InputError, match=message):
            discover(tiny._replace(params=params), method=method)
