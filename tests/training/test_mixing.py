"""What samples are mixed, in which subspaces, and that a run with it is resumed to the bit."""

import dataclasses
import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pmsfc_jax as pm
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.masks import masks_from_labels
from pmsfc_jax.training import loop
from pmsfc_jax.training.checkpoints import checkpoint_manager, restore
from pmsfc_jax.training.config import TrainingConfig
from pmsfc_jax.training.export import export, is_export_of
from pmsfc_jax.training.mixing import Mixed, Mixing, draw_shares, mix
from pmsfc_jax.training.partition import find_labels, is_due
from pmsfc_jax.training.state import start_stage
from tests.training.conftest import LABELS, MIXED, SMALL, same


def test_shares_are_zero_or_exchange_or_blend():
    shares = np.asarray(draw_shares(jax.random.key(1), Mixing(2, 3, share=0.5), 4000))
    plain = (shares == 0).all(axis=1)
    exchanged = np.isin(shares, (0, 1)).all(axis=1) & ~plain
    blended = ((shares > 0) & (shares < 1)).all(axis=1)
    # An exchange of nothing, one in eight, looks like a plain sample.
    np.testing.assert_allclose(plain.mean(), 0.5 + 0.25 / 8, atol=0.03)
    np.testing.assert_allclose(exchanged.mean(), 0.25 * 7 / 8, atol=0.03)
    np.testing.assert_allclose(blended.mean(), 0.25, atol=0.03)
    np.testing.assert_allclose(shares[blended].mean(axis=0), 0.5, atol=0.05)
    np.testing.assert_allclose(shares[blended].std(axis=0), 12**-0.5, atol=0.02)
    between = np.corrcoef(shares[blended].T)[~np.eye(3, dtype=bool)]
    assert np.abs(between).max() < 0.1


def test_each_subspace_takes_its_share_of_the_other_code():
    rng = np.random.default_rng(0)
    h, other = rng.normal(size=(2, 3, 2, 2, 8)).astype(np.float32)
    shares = np.array([[0, 0], [1, 0], [0.25, 0.5]], np.float32)
    chosen = Mixed(2, jnp.zeros((3, 4)), jnp.asarray(shares), masks_from_labels(LABELS, 2))
    mixed = mix(jnp.asarray(h), jnp.asarray(other), chosen)
    for sample in range(3):
        for channel, subspace in enumerate(LABELS):
            a = shares[sample, subspace]
            expected = (1 - a) * h[sample, ..., channel] + a * other[sample, ..., channel]
            np.testing.assert_allclose(mixed[sample, ..., channel], expected, rtol=1e-6)


@pytest.fixture(scope="module")
def planted():
    """A generator whose channels at layer 2 are multiples of two, as `LABELS` say."""
    generator = start_stage(SMALL, 8, False, jax.random.key(0)).generator
    kernel = np.asarray(generator["conv2"]["kernel"])
    scales = np.linspace(0.5, 2, 8, dtype=np.float32)
    kernel = kernel[..., LABELS] * scales
    return generator | {"conv2": generator["conv2"] | {"kernel": jnp.asarray(kernel)}}


def test_subspaces_are_those_of_the_features(planted):
    key = jax.random.key(3)
    np.testing.assert_array_equal(find_labels(MIXED, 8, False, planted, key), LABELS)
    control = dataclasses.replace(MIXED.mixing, partition="random")
    dealt = find_labels(dataclasses.replace(MIXED, mixing=control), 8, False, planted, key)
    assert (dealt != LABELS).any()
    np.testing.assert_array_equal(np.bincount(dealt), np.bincount(LABELS))


def test_a_partition_is_due_at_steps_that_do_not_depend_on_the_run():
    assert [step for step in range(8) if is_due(MIXED, step, LABELS)] == [0, 3, 6]
    assert is_due(MIXED, 1, None)
    control = dataclasses.replace(
        MIXED, mixing=dataclasses.replace(MIXED.mixing, partition="random")
    )
    assert [step for step in range(8) if is_due(control, step, LABELS)] == []
    assert is_due(control, 1, None)
    assert not is_due(SMALL, 0, None)


@pytest.mark.slow
def test_a_resumed_run_mixes_in_the_same_subspaces(photographs, tmp_path, monkeypatch):
    """Stopped between two discoveries, and right before one; another partition compiles nothing."""
    asked_for = []

    def found(config, side, fading, average, key):
        asked_for.append(int(jax.random.randint(key, (), 0, 1000)))
        return np.roll(LABELS, asked_for[-1])

    monkeypatch.setattr(loop, "find_labels", found)
    compiled = loop.make_step(MIXED, 8, False, loop.data_mesh())
    compiled.clear_cache()  # other files call the same step in their own way
    whole = loop.train(photographs, MIXED, tmp_path / "whole", data_digest="d")
    assert len(asked_for) == len(set(asked_for)) == 3
    expected, asked_for[:] = list(asked_for), []
    for steps in (2, 1):
        asked = iter([False] * steps + [True])
        stop = partial(next, asked)
        loop.train(photographs, MIXED, tmp_path / "run", data_digest="d", should_stop=stop)
    with checkpoint_manager(tmp_path / "run") as manager:
        step, _, place = restore(manager, MIXED)
    assert (step, place["labels"]) == (3, np.roll(LABELS, expected[0]).tolist())
    rest = loop.train(photographs, MIXED, tmp_path / "run", data_digest="d")
    assert asked_for == expected
    same(rest.state, whole.state)
    export(tmp_path / "run", tmp_path / "weights", MIXED, card={})
    subspaces = pm.load_subspaces(tmp_path / "run")
    np.testing.assert_array_equal(subspaces.labels, np.roll(LABELS, expected[-1]))
    assert subspaces.layer == 2
    pm.check_subspaces(pm.load_generator(tmp_path / "weights")[0], subspaces)
    assert subspaces.identity
    assert compiled._cache_size() == 1


def test_mixing_is_a_setting_of_the_run(finished, photographs):
    with pytest.raises(InputError, match="other loss, mixing"):
        loop.train(photographs, MIXED, finished[0], data_digest="d")
    record = json.loads(json.dumps(dataclasses.asdict(MIXED)))
    assert TrainingConfig(**record) == MIXED


def test_weights_from_before_there_was_mixing_are_those_of_a_run_without(finished, tmp_path):
    settings = dataclasses.asdict(SMALL)
    del settings["mixing"]
    export(finished[0], tmp_path / "old", SMALL, card={"training": settings})
    assert is_export_of(tmp_path / "old", SMALL, card={}, with_state=False)
    assert not is_export_of(tmp_path / "old", MIXED, card={}, with_state=False)


def test_samples_are_mixed_from_the_stage_on_that_has_the_layer():
    config = TrainingConfig(mixing=Mixing(layer=4))
    stages = [(8, False), (16, True), (16, False), (32, True), (32, False)]
    assert [config.mixes(*stage) for stage in stages] == [False, False, True, True, True]
    assert not any(TrainingConfig().mixes(*stage) for stage in stages)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"layer": 4}, "layer of mixing is 4: .* has layers 0 to 3"),
        ({"layer": -1}, "layer of mixing is -1"),
        ({"num_subspaces": 9}, "layer 2 has 8 channels"),
        ({"num_subspaces": 1}, "at least 2"),
        ({"refresh_images": 0}, "refresh_images is 0"),
        ({"share": 0.0}, "share is 0.0"),
        ({"share": 1.5}, "share is 1.5"),
        ({"partition": "learned"}, "partition is 'learned': discovered or random"),
    ],
)
def test_impossible_mixing_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SMALL, mixing={"layer": 2} | values)
