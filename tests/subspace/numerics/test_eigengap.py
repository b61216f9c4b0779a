import jax
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import (
    Clustering,
    DiscoverySettings,
    Latents,
    affinity,
    choose_num_clusters,
    discover_subspaces,
    self_expression,
    spectral_clustering,
    spectral_clustering_details,
)
from tests.subspace.synthetic import gram_of, union_of_subspaces


def test_a_worked_example():
    number, gaps = choose_num_clusters([1, 0.95, 0.9, 0.3, 0.25, 0.0])
    assert number == 3
    np.testing.assert_allclose(gaps, [0.05, 0.05, 0.6, 0.05, 0.25])


def test_one_cluster_is_no_candidate_and_a_tie_goes_to_the_fewest():
    assert choose_num_clusters([1, 0.1, 0.1, 0.0])[0] == 3
    assert choose_num_clusters([1, 0.5, 0.25, 0.0])[0] == 2


def test_no_more_than_most_are_chosen():
    values = np.r_[np.ones(20), np.zeros(5)]
    values[5:] -= 0.01
    assert choose_num_clusters(values)[0] == 5
    assert choose_num_clusters(values, most=20)[0] == 20
    assert choose_num_clusters(values, most=4)[0] == 2


@pytest.mark.parametrize(
    ("values", "most", "message"),
    [
        ([1.0, 0.5], 4, "three or more"),
        ([[1.0, 0.5, 0.1]], 4, "three or more"),
        ([0.1, 0.5, 1.0], 4, "largest first"),
        ([1.0, np.nan, 0.5], 4, "not finite"),
        ([1.0, 0.5, 0.1], 1, "most is 1"),
        ([1.0, 0.5, 0.1], 0, "most is 0"),
    ],
)
def test_an_unusable_spectrum_is_refused(values, most, message):
    with pytest.raises(InputError, match=message):
        choose_num_clusters(values, most=most)


@pytest.mark.parametrize("sizes", [(9, 15), (8, 10, 14), (8, 9, 10, 11, 12)])
def test_finds_the_number_of_subspaces(sizes):
    features, labels = union_of_subspaces(sizes, 3, noise=0.1)
    matrix = affinity(self_expression(gram_of(features)).coefficients)
    result = spectral_clustering_details(matrix, None, key=jax.random.key(0), num_restarts=10)
    assert result.num_clusters == len(sizes)
    assert result.embedding.shape == (labels.size, len(sizes))
    assert adjusted_rand_score(labels, np.asarray(result.labels)) == 1.0
    assert choose_num_clusters(result.eigenvalues)[0] == len(sizes)


def test_discovery_chooses_by_the_spectrum_it_returns(tiny):
    found = discover_subspaces(
        tiny.generator,
        tiny.params,
        layer=0,
        num_subspaces=None,
        key=jax.random.key(0),
        settings=DiscoverySettings(Latents(150, batch_size=32), clustering=Clustering(10)),
    )
    gaps = -np.diff(np.asarray(found.discovery.eigenvalues, np.float64))[1:]
    assert found.num_subspaces == 2 + int(np.argmax(gaps))
    assert found.masks.shape == (found.num_subspaces, 20)
    assert len(found.sizes) == len(np.unique(np.asarray(found.labels))) == found.num_subspaces


def test_two_related_channels_are_too_few_to_choose():
    matrix = np.zeros((4, 4))
    matrix[0, 1] = matrix[1, 0] = 1
    with pytest.raises(InputError, match="only 2 channels related to any other, too few"):
        spectral_clustering(matrix, None, key=jax.random.key(0))
