"""An image whose loss is not a finite number gets one more try and disturbs no other."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.operator import Observation
from pmsfc_jax.inversion import restart, run_batch
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.invert import invert
from pmsfc_jax.inversion.optimise import advance
from pmsfc_jax.inversion.presets import preset
from pmsfc_jax.inversion.run_batch import Job, Outcome
from pmsfc_jax.inversion.solvers import Adam

from .conftest import assert_same_bits, form, stopped_after

KEY = jax.random.key(2)
USUAL = {"composition": "mganprior", "layer": 2, "codes_per_subspace": 2, "batch_size": 3}
CONFIG = preset(**USUAL, num_steps=4, optimiser="adam")
DIVERGING = preset(**USUAL, num_steps=30, optimiser="sgd", learning_rate=1e30)


@pytest.fixture(scope="module")
def fragile(small):
    """The small generator, whose features are nan for codes that begin beyond ``limit``."""
    generator, params = small

    def head(params, z, *, layer):
        features, context = generator.head(params["small"], z, layer=layer)
        bad = (z[:, 0] > params["limit"])[:, None, None, None]
        return jnp.where(bad, jnp.nan, features), context

    def tail(params, h, context, *, layer):
        return generator.tail(params["small"], h, context, layer=layer)

    split = dataclasses.replace(generator, head=head, tail=tail, program=None)
    return lambda limit: (split, {"small": params, "limit": jnp.float32(limit)})


@pytest.fixture(scope="module")
def sound(fragile, small_targets):
    return invert(*fragile(1e9), small_targets, key=KEY, config=CONFIG)


def test_one_is_tried_again_and_the_others_do_not_notice(fragile, small_targets, sound):
    # Those that fail twice keep their first starting codes.
    starts = invert(*fragile(-1e9), small_targets, key=KEY, config=CONFIG).codes[:, 0, :, 0]
    worst = int(starts.max(axis=1).argmax())
    generator = fragile(starts.max() - 1e-4)
    traces = advance._cache_size()
    found = invert(*generator, small_targets, key=KEY, config=CONFIG)
    is_worst = np.arange(3) == worst
    np.testing.assert_array_equal(found.restarted, is_worst)
    assert not found.failed.any()
    np.testing.assert_array_equal(found.codes[~is_worst], sound.codes[~is_worst])
    np.testing.assert_array_equal(found.losses[~is_worst], sound.losses[~is_worst])
    assert advance._cache_size() == traces  # nor does the second try compile anything
    # What it got is an inversion from other codes with a quarter of the step.
    alone = invert(
        *generator,
        small_targets[[worst] * 3],
        key=jax.random.fold_in(KEY, 1),
        config=dataclasses.replace(CONFIG, solver=Adam(0.05 / 4)),
    )
    np.testing.assert_array_equal(found.codes[worst], alone.codes[0])
    np.testing.assert_array_equal(found.losses[worst], alone.losses[0])
    np.testing.assert_array_equal(found.reconstruction[worst], alone.reconstruction[0])


def test_those_that_never_had_a_finite_loss_are_reported_as_failed(fragile, small_targets, sound):
    found = invert(*fragile(-1e9), small_targets, key=KEY, config=CONFIG)
    assert found.restarted.all()
    assert found.failed.all()
    assert np.isnan(found.losses).all()
    assert np.isfinite(found.codes).all()
    assert not sound.failed.any()
    assert not sound.restarted.any()


def test_divergence_keeps_the_best_step_before_it(small, small_targets):
    found = invert(*small, small_targets, key=KEY, config=DIVERGING)
    assert found.restarted.all()
    assert not found.failed.any()
    assert not np.isfinite(found.losses).all(axis=1).any()
    error = ((found.reconstruction - small_targets).astype(np.float64) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(error, np.nanmin(found.losses, axis=1), rtol=1e-3)


def test_a_restart_survives_a_stop(small, small_targets, monkeypatch):
    """Stopped while images are tried again, the first try is not done once more."""
    whole = invert(*small, small_targets, key=KEY, config=DIVERGING)
    assert whole.restarted.all()
    memory = stopped_after(4, small, small_targets, KEY, DIVERGING)
    assert memory.steps == [30, 10]
    calls = []

    def counted(*arguments):
        calls.append(float(arguments[5].rates.latent[0]))
        return advance(*arguments)

    monkeypatch.setattr(run_batch, "advance", counted)
    again = invert(*small, small_targets, key=KEY, config=DIVERGING, resume=memory.resume())
    assert_same_bits(again, whole)
    np.testing.assert_allclose(calls, [0.25e30] * 2, rtol=1e-6)
    assert not memory.kept


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1.0] * 40, False),
        ([1.0] * 20 + [np.nan] * 20, True),
        ([1.0] * 20 + [np.inf] + [1.0] * 19, False),  # a trial point, and back
        ([1.0] * 39 + [np.inf], False),
        ([1.0] * 30 + [np.nan] * 10, True),
        ([1.0, 1.0, np.nan, np.nan], True),
        ([np.nan], True),
    ],
)
def test_who_gets_a_second_try(monkeypatch, small, losses, expected):
    """The loss has to be gone at the end; an image that only fills the batch counts for nothing."""
    curves = np.stack([losses, [1.0] * len(losses), [np.nan] * len(losses)], axis=1)
    tried = []

    def fake(job, keys, targets, **settings):
        rates = settings.get("rates") or job.config.solver.rates()
        tried.append(rates.latent)
        ones = np.ones(3, np.float32)
        return Outcome(
            Codes(ones, ones), ones, ones, curves, ones, ones, ones, 1.0, str(len(tried))
        )

    monkeypatch.setattr(restart, "run_batch", fake)
    config = preset(**USUAL)
    masks = np.ones((1, 4))
    job = Job(config, form(small[0], config), {}, None, masks, None, None, lambda: False)
    images = Observation(np.zeros((3, 2, 2, 3), np.float32))
    _, restarted, names = restart.run_with_restart(
        job, KEY, images, 2, codes=None, on_step=lambda step, losses: None
    )
    assert restarted.tolist() == [expected, False]
    assert tried == [0.05, 0.05 / 4][: len(names)]
    assert len(names) == 1 + expected
