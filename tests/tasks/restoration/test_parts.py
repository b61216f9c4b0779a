"""Averages, screens, calibration, and what is held out: the parts that need no generator."""

import jax
import numpy as np
import pytest
from scipy import stats

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import GeneratorSpec, latent_vector, normal_prior
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.inversion.keys import digests
from pmsfc_jax.tasks import degradations as d
from pmsfc_jax.tasks.restoration.calibration import calibrate
from pmsfc_jax.tasks.restoration.mean import mean_and_deviation, screened_out
from pmsfc_jax.tasks.restoration.sampling import held_out, sampled, samples_of
from pmsfc_jax.tasks.restoration.settings import RestoreConfig, tried_layers


def test_what_is_stuck_is_screened_out():
    misfit = np.array(
        [
            [0.01, 0.012, 0.02, 0.2],
            [0.01, 0.029, 0.02, 0.015],
            [1e-6, 2e-6, 5e-4, 1e-5],
            [np.nan, 0.01, 0.01, 0.01],
            [np.nan, np.nan, np.nan, np.nan],
            [np.nan, np.nan, np.nan, 0.01],
        ]
    )
    expected = np.zeros((6, 4), bool)
    expected[0, 3] = expected[3, 0] = True
    expected[5, :3] = True
    np.testing.assert_array_equal(screened_out(misfit), expected)
    np.testing.assert_array_equal(screened_out(np.array([[0.01, 0.2]])), [[False, True]])


def test_mean_and_deviation_are_numpys_over_what_is_left():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(3, 4, 5, 5, 3))
    out = np.array([[0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 1]], bool)
    mean, deviation = mean_and_deviation(samples, out)
    for i in range(3):
        left = samples[i, ~out[i]]
        np.testing.assert_allclose(mean[i], left.mean(axis=0), rtol=1e-5, atol=1e-6)
        expected = left.std(axis=0, ddof=1) if len(left) > 1 else 0
        np.testing.assert_allclose(deviation[i], expected, rtol=1e-5, atol=1e-6)


def test_the_calibration_finds_the_scale_and_says_how_well():
    rng = np.random.default_rng(0)
    deviation = rng.uniform(0.05, 0.3, 4000)
    noise = np.full(4000, 0.1)
    error = 2.5 * deviation * rng.normal(size=4000) + noise * rng.normal(size=4000)
    half = np.arange(4000) % 2 == 0
    found = calibrate(error, deviation, noise, half)
    assert found.scale == pytest.approx(2.5, rel=0.05)
    np.testing.assert_allclose(found.within, stats.norm.cdf([1, 2]) * 2 - 1, atol=0.02)
    expected = stats.spearmanr(deviation, np.abs(error)).statistic
    assert found.correlation == pytest.approx(expected, abs=1e-3)
    assert "68 % of the errors lie within one" in str(found) or "69 %" in str(found)
    # A map that says nothing of where errors are.
    error = rng.permutation(error)
    assert abs(calibrate(error, deviation, noise, half).correlation) < 0.05


def test_nothing_is_said_of_too_little():
    ones = np.ones(30)
    half = np.arange(30) % 2 == 0
    assert calibrate(ones[:10], ones[:10], ones[:10], half[:10]) is None
    assert calibrate(ones, 0 * ones, ones, half) is None


def test_an_error_that_noise_hides_is_not_calibrated_by():
    rng = np.random.default_rng(0)
    deviation, half = np.full(1000, 0.1), np.arange(1000) % 2 == 0
    for level, told in ((0.1, True), (1.0, False)):
        noise = np.full(1000, level)
        error = rng.normal(0, 0.1, 1000) + rng.normal(0, level, 1000)
        assert (calibrate(error, deviation, noise, half) is not None) is told
    # Without noise there is nothing to be hidden by, however small the error is.
    assert calibrate(0.001 * deviation, deviation, 0 * noise, half) is not None


def test_samples_differ_in_their_seed_alone():
    known = d.known_where(np.eye(4, 6), 2)
    target = np.random.default_rng(0).uniform(-1, 1, (2, 4, 6, 3)).astype(np.float32)
    observed = Observation(target, known)
    keep = np.ones((2, 4, 6, 1), np.float32)
    many = samples_of(observed, keep, 3)
    operator = sampled(d.mask().operator)
    assert len(set(digests(many, operator))) == 6
    np.testing.assert_array_equal(many.target, np.repeat(target, 3, axis=0))
    np.testing.assert_array_equal(many.operands.own, np.repeat(known, 3, axis=0))
    # A photograph's seeds do not depend on those beside it.
    alone = samples_of(jax.tree.map(lambda leaf: leaf[1:], observed), keep[1:], 3)
    assert digests(alone, operator) == digests(many, operator)[3:]
    assert operator == sampled(d.mask().operator)
    assert operator != d.mask().operator


def test_what_is_held_out_was_observed_and_has_no_weight():
    target = np.zeros((2, 8, 9, 3), np.float32)
    observed = Observation(target, d.known_where(np.eye(8, 9), 2))
    operator = d.mask().operator
    keep = held_out(operator, observed, 0.25, seed=0)
    assert (keep == 0).sum(axis=(1, 2, 3)).tolist() == [16, 16]
    assert (keep[0] != keep[1]).any()
    assert not ((keep == 0) & (observed.operands == 0)).any()
    np.testing.assert_array_equal(held_out(operator, observed, 0.25, seed=0), keep)
    many = samples_of(observed, keep, 2)
    weights = np.asarray(sampled(operator).weights(many.operands, many.target))
    np.testing.assert_array_equal(weights, np.repeat(keep * observed.operands, 2, axis=0))
    tiny = held_out(d.grey().operator, Observation(target[:, :1, :2]), 0.01, seed=0)
    assert tiny.sum(axis=(1, 2, 3)).tolist() == [1, 1]
    assert held_out(d.grey().operator, Observation(target[:, :1, :1]), 0.5, seed=0).all()


def test_layers_that_are_tried():
    def spec(*sides):
        shapes = tuple((side, side, 4) for side in sides)
        image = (sides[-1], sides[-1], 3)
        return GeneratorSpec("toy", latent_vector(4), image, shapes, normal_prior(4))

    assert tried_layers(spec(4, 4, 8, 8, 16, 16)) == (0, 1, 2, 3)
    assert tried_layers(spec(*np.repeat(2 ** np.arange(2, 9), 2))) == (0, 1, 2, 3, 4, 5)
    assert tried_layers(spec(4)) == (0,)


def test_settings_that_are_impossible():
    for settings, message in [
        ({"codes": 0}, "codes must be at least 1, not 0"),
        ({"screen": 0.5}, "screen is 0.5"),
        ({"held_out": 1.0}, "held_out is 1.0: it is a share"),
        ({"pilot": -1}, "pilot must be 0 or more"),
        ({"pilot": 0}, "with a pilot of 0 photographs nothing is chosen"),
    ]:
        with pytest.raises(InputError, match=message):
            RestoreConfig(**settings)
    assert RestoreConfig().with_defaults(3).codes_per_subspace == 4
    assert RestoreConfig(steps=7, codes=2).with_defaults(3).num_steps == 7
