"""Subspaces know whose they are, are given or found, and stand in files of two formats."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import (
    Discovery,
    DiscoverySettings,
    check_subspaces,
    random_subspaces,
    subspaces_from_labels,
)
from pmsfc_jax.subspace.records import record_of, subspaces_from_record

from .test_settings import FLAT

LABELS = np.array([0, 1, 1, 2] * 5)


def identified(tiny, identity):
    return tiny.generator.with_identity(identity)


def found(**changes):
    discovery = Discovery(
        eigenvalues=jnp.linspace(1, 0, 20),
        coefficients=jnp.eye(20)[::-1],
        isolated=jnp.zeros(20, bool),
        residual=0.25,
        held_out_residual=0.5,
        settings=DiscoverySettings(),
        advice="take more",
    )
    return dataclasses.replace(subspaces_from_labels(LABELS, 1), discovery=discovery, **changes)


def test_labels_become_masks_and_sizes():
    given = subspaces_from_labels(LABELS, 1)
    assert (given.layer, given.num_subspaces, given.sizes) == (1, 3, (5, 10, 5))
    np.testing.assert_array_equal(given.masks, LABELS[None, :] == np.arange(3)[:, None])
    assert given.labels.dtype == jnp.int32
    assert given.discovery is None
    assert np.isnan(given.held_out_residual)
    assert found().held_out_residual == 0.5


@pytest.mark.parametrize("labels", [[], [0, 2], [-1, 0], [0.0, 1.0], [[0, 1]]])
def test_labels_that_are_no_partition_are_refused(labels):
    with pytest.raises(InputError):
        subspaces_from_labels(np.array(labels), 0)


def test_repr_is_short():
    assert repr(found(generator="tiny")) == "<3 subspaces of the 20 channels at layer 1 of tiny>"
    assert repr(subspaces_from_labels([0, 1], 0)) == "<2 subspaces of the 2 channels at layer 0>"
    jax.jit(lambda subspaces: (repr(subspaces), subspaces)[1])(found())  # of tracers too


def test_subspaces_of_other_weights_are_refused(tiny):
    own, other = identified(tiny, "a" * 64), identified(tiny, "b" * 64)
    given = subspaces_from_labels(LABELS, 1, own)
    assert (given.generator, given.identity) == ("tiny", "a" * 64)
    check_subspaces(own, given)
    with pytest.raises(
        InputError,
        match=r"found for tiny \(weights aaaaaaaaaaaa\), not for tiny \(weights bbbbbbbbbbbb\): "
        "discover them",
    ):
        check_subspaces(other, given)
    # Weights made in memory have no identity to compare, nor had the first files.
    check_subspaces(tiny.generator, given)
    check_subspaces(other, subspaces_from_labels(LABELS, 1))
    # What is derived keeps it.
    with pytest.raises(InputError, match="found for tiny"):
        check_subspaces(other, random_subspaces(given, jax.random.key(0)))


def test_subspaces_of_another_layer_or_width_are_refused(tiny):
    with pytest.raises(InputError, match="tiny has no layer 7"):
        check_subspaces(tiny.generator, subspaces_from_labels(LABELS, 7))
    with pytest.raises(InputError, match="have 2 channels and layer 1 of tiny has 20: discover"):
        check_subspaces(tiny.generator, subspaces_from_labels([0, 1], 1))
    with pytest.raises(InputError, match="have 2 channels"):
        subspaces_from_labels([0, 1], 1, tiny.generator)


def test_a_random_partition_was_not_discovered():
    control = random_subspaces(found(generator="tiny"), jax.random.key(1))
    assert control.discovery is None
    assert control.sizes == (5, 10, 5)
    assert control.generator == "tiny"
    assert np.any(np.asarray(control.labels) != LABELS)


@pytest.mark.parametrize(
    "subspaces",
    [found(generator="tiny", identity="a" * 64), subspaces_from_labels(LABELS, 1)],
)
def test_records_come_back(subspaces):
    again = subspaces_from_record(*record_of(subspaces))
    for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(subspaces), strict=True):
        np.testing.assert_array_equal(one, other)
    assert jax.tree.structure(again) == jax.tree.structure(subspaces)


def test_records_of_format_1_have_no_identity():
    arrays, _ = record_of(found())
    facts = {
        "kind": "subspaces",
        "format": 1,
        "layer": 1,
        "residual": 0.25,
        "held_out_residual": 0.5,
        "settings": FLAT,
        "seed": 3,
    }
    read = subspaces_from_record(arrays, facts)
    assert (read.layer, read.generator, read.identity) == (1, "tiny", "")
    assert read.discovery.settings.method.mu == 0.1
    assert (read.discovery.advice, read.discovery.image_error) == ("", None)
    np.testing.assert_array_equal(read.labels, LABELS)


@pytest.mark.parametrize(
    "damage",
    [
        lambda arrays, facts: arrays.pop("masks"),
        lambda arrays, facts: arrays.pop("coefficients"),
        lambda arrays, facts: facts.pop("layer"),
        lambda arrays, facts: facts["settings"].pop("method"),
        lambda arrays, facts: facts.update(settings=3),
    ],
)
def test_records_that_lack_a_part_are_refused(damage):
    arrays, facts = record_of(found())
    damage(arrays, facts)
    with pytest.raises(InputError, match="lacks a part"):
        subspaces_from_record(arrays, facts)
