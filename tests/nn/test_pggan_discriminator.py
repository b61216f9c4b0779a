"""The discriminator that judges inversions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.pggan_discriminator import (
    DiscriminatorConfig,
    minibatch_deviation,
    pure_module,
)
from pmsfc_jax.registry import FAMILIES
from tests.nn.families import JUDGES, cases, random_params

OWN = {"pggan_discriminator": JUDGES["pggan_discriminator"]}


@pytest.fixture(scope="module", params=cases(OWN), ids="-".join)
def made(request):
    family, name = request.param
    config = JUDGES[family][name]
    params = random_params(FAMILIES[family].abstract_params(config))
    shape = (4, config.resolution, config.resolution, 3)
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    return config, params, x, FAMILIES[family].features(config)


def test_features_halve_from_the_image_to_4x4(made):
    config, params, x, features = made
    shapes = [f.shape for f in features(params, x)]
    sides = [4 * 2**level for level in range(len(config.widths) - 1)][::-1] or [4]
    widths = config.widths[:-1][::-1] or config.widths
    assert shapes == [(4, side, side, width) for side, width in zip(sides, widths, strict=True)]


def test_features_do_not_depend_on_the_batch(made):
    _, params, x, features = made
    together = features(params, x)
    alone = features(params, x[1:2])
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a[1:2], b, rtol=1e-4, atol=1e-5)


def test_features_have_gradients_and_one_trace(made):
    _, params, x, features = made
    traces = []

    @jax.jit
    def gradient(x):
        traces.append(None)
        return jax.grad(lambda x: sum(jnp.sum(jnp.abs(f)) for f in features(params, x)))(x)

    assert np.isfinite(gradient(x)).all()
    assert float(jnp.abs(gradient(x + 1)).max()) > 0
    assert len(traces) == 1


def test_a_logit_for_each_image(made):
    config, params, x, _ = made
    logits = pure_module(config).bind(params)(x)
    assert logits.shape == (4,)
    assert float(jnp.std(logits)) > 0


def test_minibatch_deviation_by_hand():
    x = np.random.default_rng(0).standard_normal((4, 2, 2, 3)).astype(np.float32)
    got = np.asarray(minibatch_deviation(jnp.asarray(x), 2))
    np.testing.assert_array_equal(got[..., :3], x)
    # Groups of two: images 0 and 2, images 1 and 3.
    for i, j in ((0, 2), (1, 3)):
        deviation = np.sqrt(np.var(x[[i, j]].astype(np.float64), axis=0) + 1e-8).mean()
        np.testing.assert_allclose(got[[i, j], ..., 3], deviation, rtol=1e-5)


@pytest.mark.parametrize(("batch", "group"), [(6, 4), (5, 4), (1, 4)])
def test_any_batch_has_a_group(batch, group):
    x = jnp.ones((batch, 2, 2, 1))
    assert minibatch_deviation(x, group).shape == (batch, 2, 2, 2)


@pytest.mark.parametrize(
    "facts",
    [
        {"widths": ()},
        {"widths": (4, 0)},
        {"widths": (4,), "group": 0},
        {"widths": (4,), "fade": 0.5},
    ],
)
def test_impossible_configurations(facts):
    with pytest.raises(InputError):
        DiscriminatorConfig(**facts)
