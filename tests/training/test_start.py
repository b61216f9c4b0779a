"""Training on from stored weights."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.training.checkpoints import checkpoint_manager, restore
from pmsfc_jax.training.equalised import to_effective
from pmsfc_jax.training.export import export
from pmsfc_jax.training.loop import train
from pmsfc_jax.training.start import load_start
from pmsfc_jax.weights.store.folder import Network, load_weights, save_weights
from pmsfc_jax.weights.store.manifest import read_manifest
from tests.training.conftest import SMALL, same


@pytest.fixture(scope="module")
def weights(finished, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights") / "carried"
    export(finished[0], folder, SMALL, card={}, with_state=True)
    return folder


def close(a, b, relative):
    for ours, theirs in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=relative, atol=relative)


def test_all_three_networks_come_back(finished, weights):
    state = finished[1]
    start = load_start(weights, SMALL)
    assert start.name == "carried"
    close(start.average, state.average, 1e-6)
    close(start.discriminator, state.discriminator, 1e-6)
    close(start.generator, state.generator, 2e-3)  # stored in float16
    assert any(
        (np.abs(a - b) > 1e-2).any()
        for a, b in zip(
            jax.tree.leaves(start.generator), jax.tree.leaves(start.average), strict=True
        )
    )
    assert {leaf.dtype.name for leaf in jax.tree.leaves(start.generator)} == {"float32"}
    _, stored = load_weights(weights, "training_generator")
    assert stored["conv1"]["kernel"].dtype == np.float16
    close(stored, to_effective(state.generator), 2e-3)


def test_without_the_state_the_average_is_trained_on(finished, tmp_path):
    export(finished[0], tmp_path / "plain", SMALL, card={})
    assert set(read_manifest(tmp_path / "plain").networks) == {"generator", "discriminator"}
    start = load_start(tmp_path / "plain", SMALL)
    same(start.generator, start.average)


def test_a_run_begins_with_what_it_is_given_and_resumes(photographs, weights, tmp_path):
    start = load_start(weights, SMALL)
    before = jax.tree.map(np.copy, start)
    run = tmp_path / "on"
    options = {"data_digest": "d", "start": start}
    train(photographs, SMALL, run, should_stop=lambda: True, **options)
    with checkpoint_manager(run) as manager:
        step, state, _ = restore(manager, SMALL)
    assert step == 0
    same(state[:3], (start.generator, start.discriminator, start.average))
    asked = iter([False] * 3 + [True])
    train(photographs, SMALL, run, should_stop=lambda: next(asked), **options)
    resumed = train(photographs, SMALL, run, **options)
    whole = train(photographs, SMALL, tmp_path / "whole", **options)
    same(resumed.state, whole.state)
    same(start[2:], before[2:])  # its arrays were not given away
    settings = json.loads((run / "config.json").read_text())
    assert (settings["start_from"], settings["start_from_hash"]) == ("carried", start.hash)


def test_a_run_keeps_to_its_start_by_name(finished, photographs, weights, tmp_path):
    start = load_start(weights, SMALL)
    with pytest.raises(InputError, match="other start_from"):
        train(photographs, SMALL, finished[0], data_digest="d", start=start)
    run = tmp_path / "on"
    train(photographs, SMALL, run, data_digest="d", start=start, should_stop=lambda: True)
    # Weights of that name may have been replaced, by this very run.
    replaced = start._replace(hash="0" * 64)
    train(photographs, SMALL, run, data_digest="d", start=replaced, should_stop=lambda: True)
    assert json.loads((run / "config.json").read_text())["start_from_hash"] == start.hash


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent_dim": 5}, "generator of carried is not .* it has latent_dim 4 and not 5"),
        ({"widths": (8, 9)}, r"it has widths \[8, 8, 8, 8\] and not \[8, 8, 9, 9\]"),
        ({"discriminator_widths": None}, "discriminator of carried is not .* widths"),
        (
            {"resolution": 16, "widths": (8, 8, 8), "discriminator_widths": None},
            "set start_resolution to 16",
        ),
    ],
)
def test_settings_that_do_not_fit_are_told(weights, change, message):
    with pytest.raises(InputError, match=message):
        load_start(weights, dataclasses.replace(SMALL, **change))


def test_weights_that_cannot_be_trained_on_are_told(weights, tmp_path):
    _, params = load_weights(weights)
    network = Network("pggan", dataclasses.asdict(SMALL.generator(8, False)), params)
    save_weights(tmp_path / "alone", {"generator": network})
    with pytest.raises(InputError, match="alone holds no discriminator"):
        load_start(tmp_path / "alone", SMALL)
    bent = jax.tree.map(lambda leaf: leaf[..., :1], params)
    save_weights(
        tmp_path / "bent",
        {"generator": network._replace(params=bent), "discriminator": network},
    )
    with pytest.raises(InputError, match="arrays of the generator of bent do not fit"):
        load_start(tmp_path / "bent", SMALL)
    save_weights(tmp_path / "other", {"generator": network, "discriminator": network})
    with pytest.raises(InputError, match="discriminator of other is of family pggan"):
        load_start(tmp_path / "other", SMALL)
    with pytest.raises(InputError, match="no weights called"):
        load_start("nowhere", SMALL)
