import jax
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.drawing import draw
from pmsfc_jax.nn import pggan
from pmsfc_jax.tasks import degradations as d
from pmsfc_jax.tasks.restoration.restore import restore
from pmsfc_jax.tasks.restoration.settings import RestoreConfig

KEY = jax.random.key(0)
#: Batches of three: one photograph's samples, so that photographs alone and together compile once.
SMALL = InversionConfig(composition="mganprior", batch_size=3)
CONFIG = RestoreConfig(codes=2, pilot=2, held_out=0.2, steps=10, inversion=SMALL)


@pytest.fixture(scope="module")
def small():
    """A generator of 8x8 pictures and three that it can draw, in [-1, 1]."""
    config = pggan.PGGANConfig(latent_dim=6, widths=(6, 6, 4, 4))
    params = pggan.pure_module(config).init(jax.random.key(7))
    generator = pggan.split_generator(config, "small")
    z = generator.spec.prior.draw(jax.random.key(3), 3)
    return generator, params, np.tanh(np.asarray(jax.jit(lambda p: generator(p, z))(params)))


@pytest.fixture(scope="module")
def holed(small):
    """Three photographs with holes of their own, and their restoration of three samples."""
    generator, params, images = small
    rng = np.random.default_rng(0)
    holes = np.stack([d.missing_pixels(8, 8, 0.4, rng) for _ in range(3)])
    known = d.known_where(holes, 3)
    observed = Observation(known * images, known)
    found = restore(generator, params, observed, d.mask(), key=KEY, config=CONFIG, samples=3)
    return observed, found


def test_shapes_and_what_was_observed(holed):
    observed, found = holed
    assert found.restored.shape == (3, 8, 8, 3)
    assert found.samples.shape == (3, 3, 8, 8, 3)
    assert found.uncertainty.shape == (3, 8, 8)
    assert found.misfit.shape == found.screened.shape == (3, 3)
    assert len(found) == 3
    assert len(found.drawing) == 9
    known = np.broadcast_to(observed.operands == 1, found.restored.shape)
    np.testing.assert_array_equal(found.restored[known], observed.target[known])
    assert (found.uncertainty[known[..., 0]] == 0).all()
    assert (found.uncertainty[~known[..., 0]] > 0).any()


def test_it_is_the_mean_of_the_samples_that_are_not_stuck(small, holed):
    generator, params, images = small
    observed, found = holed
    drawn = draw(generator, params, found.drawing).reshape(3, 3, 8, 8, 3)
    hole = np.broadcast_to(observed.operands == 0, images.shape)
    for i in range(3):
        left = drawn[i, ~found.screened[i]]
        np.testing.assert_allclose(
            found.restored[i][hole[i]], left.mean(axis=0)[hole[i]], atol=1e-5
        )
        residual = np.square(observed.operands[i] * (drawn[i] - observed.target[i]))
        misfit = residual.mean(axis=(1, 2, 3)) / observed.operands[i].mean()
        np.testing.assert_allclose(found.misfit[i], misfit, rtol=1e-4)
    # Samples of one photograph are not the same sample.
    assert np.abs(drawn[:, 0] - drawn[:, 1]).max() > 1e-3


def test_the_layer_is_the_best_on_what_was_held_out(small, holed):
    _, found = holed
    assert [trial.layer for trial in found.tried] == [0, 1]
    best = min(found.tried, key=lambda trial: trial.error)
    assert found.inversion.layer == best.layer
    assert found.inversion.num_steps == 10
    assert found.calibration is not None
    assert found.calibration.measurements > 20


def test_a_photograph_does_not_depend_on_its_companions(small, holed):
    generator, params, _ = small
    observed, found = holed
    layer = found.inversion.layer
    config = RestoreConfig(codes=2, pilot=0, steps=10, layer=layer, inversion=SMALL)
    alone = jax.tree.map(lambda leaf: leaf[1:2], observed)
    again = restore(generator, params, alone, d.mask(), key=KEY, config=config, samples=3)
    np.testing.assert_allclose(again.restored[0], found.restored[1], atol=1e-3)
    assert again.calibration is None
    assert again.tried == ()


def test_known_noise_ends_it_and_steps_are_not_tried(small):
    generator, params, images = small
    sigma = d.sigmas_of(30, 3)
    rng = np.random.default_rng(1)
    noisy = np.clip(images + sigma.reshape(3, 1, 1, 1) * rng.normal(size=images.shape), -1, 1)
    observed = Observation(noisy.astype(np.float32), sigma)
    config = RestoreConfig(codes=2, pilot=2, layer=1)
    found = restore(generator, params, observed, d.noise(), key=KEY, config=config, samples=2)
    assert [(trial.layer, trial.steps) for trial in found.tried] == [(1, 40)]
    np.testing.assert_array_less(0, found.uncertainty)


def test_mistakes_are_told_before_the_work(small):
    generator, params, images = small
    with pytest.raises(InputError, match="after downsample, so give"):
        restore(
            generator, params, Observation(images), d.downsample((4, 4)), key=KEY, config=CONFIG
        )
    with pytest.raises(InputError, match="samples must be at least 1"):
        restore(generator, params, Observation(images), d.grey(), key=KEY, config=CONFIG, samples=0)
