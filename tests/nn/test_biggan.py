"""BigGAN's own facts; what all generators share is in test_conformance."""

from dataclasses import asdict

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.biggan import Stage, config_from_dict, pure_module, split_generator
from tests.nn.families import GENERATORS, random_params

CONFIGS = GENERATORS["biggan"]
PLAIN = asdict(CONFIGS["hierarchical"])


def test_numbers_of_layers():
    config = CONFIGS["hierarchical"]
    assert [config.side(layer) for layer in range(4)] == [4, 8, 8, 8]
    assert [config.width(layer) for layer in range(4)] == [6, 6, 6, 5]
    assert [config.remaining(layer) for layer in range(4)] == [2, 1, 1, 0]
    assert (config.num_chunks, config.first_dim, config.condition_dim) == (3, 2, 5)
    deep = CONFIGS["deep, one class at the start"]
    assert (deep.first_dim, deep.condition_dim) == (10, 10)
    frozen = CONFIGS["class frozen"]
    assert (frozen.first_dim, frozen.condition_dim) == (6, 4)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"latent_dim": 0}, "latent_dim is 0"),
        ({"latent_dim": 7}, "does not divide into 3 chunks"),
        ({"num_classes": 1.5}, "num_classes is 1.5"),
        ({"conditioning": "some"}, "conditioning is 'some'"),
        ({"truncation": 0.0}, "truncation is 0.0"),
        ({"truncation": float("nan")}, "truncation is nan"),
        ({"label": 4}, "from 0 to 3"),
        ({"optimise_class": False}, "give label"),
        ({"depth": 3}, "unknown fields"),
        ({"stages": [5]}, "named values"),
        ({"stages": [{"kind": "dense", "width": 3}]}, "kind is 'dense'"),
        ({"stages": [{"kind": "residual", "width": 0}]}, "width is 0"),
        ({"stages": [{"kind": "bottleneck", "width": 4}]}, "middle is 0"),
        ({"stages": [{"kind": "bottleneck", "width": 8, "middle": 2}]}, "6 to 8 it cannot"),
        ({"stages": [{"kind": "attention", "width": 6, "middle": 2}]}, "values is 0"),
        ({"stages": [asdict(Stage("attention", 5, 2, 2))]}, "keeps channels"),
        ({"stages": [asdict(Stage("attention", 6, 2, 2)) | {"doubles": True}]}, "keeps the side"),
    ],
)
def test_impossible_configurations(changes, expected):
    with pytest.raises(InputError, match=expected):
        config_from_dict(PLAIN | changes)


def made(name):
    config = CONFIGS[name]
    return split_generator(config), random_params(pure_module(config).abstract_params)


def test_what_the_prior_draws():
    generator, params = made("hierarchical")
    noise = generator.spec.prior.draw(jax.random.key(0), 4000)
    z = np.asarray(noise["z"])
    assert 1.3 < np.abs(z).max() <= 1.4
    # A normal that is drawn again beyond two deviations has one of 0.88.
    assert z.std() == pytest.approx(0.7 * 0.88, rel=0.02)
    assert set(np.asarray(noise["label"]).tolist()) == {0, 1, 2, 3}
    latent = generator.mapping(params, noise)
    np.testing.assert_array_equal(latent["class"], params["classes"][noise["label"]])
    frozen, _ = made("class frozen")
    assert frozen.spec.prior.kind == "normal"
    assert frozen.mapping is None
    assert generator.spec.prior.kind == "other"


@pytest.mark.parametrize("layer", [0, 1])
def test_a_joined_code_stays_one_of_the_prior(layer):
    """Means of codes shrink; what is joined has the deviation of each, and the mean class."""
    generator, params = made("hierarchical")
    num, count = 400, 5
    latent = generator.draw(params, jax.random.key(0), num * count)
    _, context = generator.head(params, latent, layer=layer)
    context = jax.tree.map(lambda leaf: leaf.reshape(num, count, *leaf.shape[1:]), context)
    share = jax.random.dirichlet(jax.random.key(1), jnp.ones(count), (num,))
    joined = generator.join(context, share, ())
    assert joined["z"].shape == (num, 2 - layer, 2)
    deviation = float(jnp.std(joined["z"]))
    assert deviation == pytest.approx(float(jnp.std(context["z"])), rel=0.06)
    mean = np.einsum("bn,bnc->bc", share, context["class"])
    np.testing.assert_allclose(joined["class"], mean, rtol=1e-4, atol=1e-5)


def test_nothing_is_handed_over_where_nothing_is_used():
    generator, params = made("hierarchical")
    latent = generator.draw(params, jax.random.key(0), 2)
    assert generator.head(params, latent, layer=3)[1] == {}
    assert generator.spec.free_context(3) == {}
    assert generator.join({}, jnp.ones((1, 2)), {}) == {}
    frozen, params = made("class frozen")
    assert frozen.head(params, jnp.ones((2, 6)), layer=0)[1] == {}


@pytest.mark.slow
def test_chunks_are_read_in_order():
    """The feature of a layer depends on the chunks up to its own, the context holds the rest."""
    generator, params = made("hierarchical")
    latent = generator.draw(params, jax.random.key(0), 1)
    for layer, used in enumerate((2, 4, 4, 6)):

        def total(z, layer=layer):
            return jnp.sum(jnp.sin(generator.head(params, {**latent, "z": z}, layer=layer)[0]))

        moved = np.abs(jax.grad(total)(latent["z"]))[0] > 0
        assert moved.tolist() == [i < used for i in range(6)]
