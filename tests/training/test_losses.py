"""Both losses of a step against numpy, their penalty and slopes against finite differences.

With plain samples, and with samples drawn from mixed features.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.masks import masks_from_labels
from pmsfc_jax.nn import pggan, pggan_discriminator
from pmsfc_jax.parallel.mesh import data_mesh, replicate, shard_batch
from pmsfc_jax.training.augment import augment, mirror
from pmsfc_jax.training.equalised import to_effective
from pmsfc_jax.training.mixing import draw_mixed
from pmsfc_jax.training.state import start_stage
from pmsfc_jax.training.step import make_step
from tests.training.conftest import LABELS, MIXED, SMALL

KEY = jax.random.key(1)
GENERATOR = pggan.pure_module(SMALL.generator(8, False))
#: Where features are mixed.
LAYER = MIXED.mixing.layer
DISCRIMINATOR = pggan_discriminator.pure_module(SMALL.discriminator(8, False))


def softplus(x):
    return np.logaddexp(0, np.asarray(x, np.float64)).mean()


@jax.jit
def judge(discriminator, x):
    return DISCRIMINATOR.bind(to_effective(discriminator))(x, None)


@jax.jit
def draw(generator, others, shares):
    """Samples of the step's codes, ``shares [b, C]`` of whose channels come from ``others``."""
    z = jax.random.normal(jax.random.split(KEY, 6)[1], (SMALL.batch_size, SMALL.latent_dim))
    module = GENERATOR.bind(to_effective(generator))
    h = module.head(z, LAYER)
    h = h + shares[:, None, None, :] * (module.head(others, LAYER) - h)
    return module.tail(h, LAYER, None)


def without_kinks(state):
    """Biases other than zero: where translation lets zeros in, slopes would be undefined."""
    biased = {
        name: layer | {"bias": layer["bias"] + 0.1 * jax.random.normal(KEY, layer["bias"].shape)}
        for name, layer in state.discriminator.items()
    }
    return state._replace(discriminator=biased)


class Expected:
    """What a step on ``photographs`` has to find, computed outside of it."""

    def __init__(self, before, photographs, config):
        self.before, self.loss = before, config.loss
        self.others = jnp.zeros((SMALL.batch_size, SMALL.latent_dim))
        shares = np.zeros((SMALL.batch_size, 2), np.float32)
        if config.mixing is not None:
            key = jax.random.fold_in(KEY, 6)
            masks = masks_from_labels(LABELS, 2)
            _, self.others, shares, _ = draw_mixed(
                key, config.mixing, SMALL.batch_size, SMALL.latent_dim, masks
            )
        self.shares = jnp.asarray(np.asarray(shares)[:, LABELS])
        self.keys = jax.random.split(KEY, 6)
        self.real = mirror(self.keys[0], jnp.asarray(photographs, jnp.float32) / 127.5 - 1)

    def draw(self, generator):
        return draw(generator, self.others, self.shares)

    def seen(self, key, x):
        return augment(self.keys[key], x, SMALL.augmentations)

    def generator_loss(self, generator):
        on_fake = judge(self.before.discriminator, self.seen(2, self.draw(generator)))
        if self.loss == "non-saturating":
            return softplus(-on_fake)
        return softplus(judge(self.before.discriminator, self.seen(5, self.real)) - on_fake)

    def sides(self):
        """What the discriminator sees: photographs and samples."""
        return self.seen(3, self.real), self.seen(4, self.draw(self.before.generator))

    def discriminator_loss(self, discriminator):
        on_real, on_fake = (judge(discriminator, x) for x in self.sides())
        if self.loss == "non-saturating":
            return softplus(on_fake) + softplus(-on_real)
        return softplus(on_fake - on_real)

    def penalty(self, h=1e-3):
        """Mean over images of the squared slope of the logits' sum, by central differences."""
        penalised = self.sides() if self.loss == "relativistic" else self.sides()[:1]

        def slope(x, direction):
            up, down = (judge(self.before.discriminator, x + s * direction) for s in (h, -h))
            return (up.sum() - down.sum()) / (2 * h)

        total = 0.0
        for x in penalised:
            directions = jnp.eye(x.size, dtype=x.dtype).reshape(-1, *x.shape)
            slopes = jax.lax.map(lambda direction, x=x: slope(x, direction), directions)
            total += np.square(np.asarray(slopes, np.float64)).sum() / len(x)
        return total


CONFIGS = {
    "non-saturating": SMALL,
    "relativistic": dataclasses.replace(SMALL, loss="relativistic"),
    "mixed": MIXED,
}


#: One of them is quick; each compiles its own step.
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in CONFIGS if name != "relativistic"]


@pytest.fixture(scope="module", params=["relativistic", *SLOW])
def found(request, photographs):
    """What is expected, the state after one step, and its metrics; with a penalty and without."""
    config = CONFIGS[request.param]
    masks = None if config.mixing is None else masks_from_labels(LABELS, 2)
    before = without_kinks(start_stage(SMALL, 8, False, jax.random.key(0)))
    mesh = data_mesh()
    step = make_step(config, 8, False, mesh)
    after = {
        penalised: step(
            replicate(jax.tree.map(np.array, before), mesh),
            shard_batch(photographs[:4], mesh),
            KEY,
            jnp.float32(0),
            masks,
            penalised=penalised,
        )
        for penalised in (True, False)
    }
    return Expected(before, photographs[:4], config), after


def test_the_losses_are_those_of_the_papers(found):
    expected, after = found
    _, metrics = after[False]
    assert float(metrics.penalty) == 0
    before = expected.before
    np.testing.assert_allclose(
        metrics.generator_loss, expected.generator_loss(before.generator), rtol=1e-5
    )
    discriminator_loss = expected.discriminator_loss(before.discriminator)
    np.testing.assert_allclose(metrics.discriminator_loss, discriminator_loss, rtol=1e-5)
    on_real, on_fake = (judge(before.discriminator, x) for x in expected.sides())
    np.testing.assert_allclose(metrics.real_logit, on_real.mean(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(metrics.fake_logit, on_fake.mean(), rtol=1e-4, atol=1e-6)


def test_the_penalty_is_the_squared_slope_on_the_penalised_sides(found):
    expected, after = found
    _, metrics = after[True]
    np.testing.assert_allclose(metrics.penalty, expected.penalty(), rtol=0.02)
    total = expected.discriminator_loss(expected.before.discriminator)
    total += 0.5 * SMALL.r1_gamma * SMALL.r1_interval * float(metrics.penalty)
    np.testing.assert_allclose(metrics.discriminator_loss, total, rtol=1e-5)


def test_mixed_samples_are_others_than_plain_ones(found):
    expected, _ = found
    plain = draw(expected.before.generator, expected.others, jnp.zeros_like(expected.shares))
    moved = np.abs(expected.draw(expected.before.generator) - plain).max(axis=(1, 2, 3)) > 1e-3
    np.testing.assert_array_equal(moved, (np.asarray(expected.shares) > 0).any(axis=1))


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_each_network_descends_its_loss(found, network):
    """Adam's first step is the sign of the slope: compared where the slope is large."""
    expected, after = found
    old, new = getattr(expected.before, network), getattr(after[False][0], network)
    loss = getattr(expected, f"{network}_loss")
    # Leaky ReLUs have kinks: a wide step would cross some, and small slopes drown in them.
    h, compared = 1e-2, 0
    for name, layer in old.items():
        for index in np.random.default_rng(0).integers(0, layer["kernel"].size, 16):
            values = []
            for shift in (h, -h):
                kernel = np.array(layer["kernel"])
                kernel.flat[index] += shift
                values.append(loss(old | {name: layer | {"kernel": jnp.asarray(kernel)}}))
            slope = (values[0] - values[1]) / (2 * h)
            if abs(slope) > 5e-3:
                moved = np.asarray(new[name]["kernel"] - layer["kernel"]).flat[index]
                assert np.sign(moved) == -np.sign(slope), (name, index)
                compared += 1
    assert compared > 10
