"""What a generator says of itself, and how the contexts of an image's codes become one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import (
    GeneratorSpec,
    blend,
    default_layer,
    latent_vector,
    normal_prior,
    uniform_prior,
)


def spec(*sides, **more):
    shapes = tuple((side, side, 2) for side in sides)
    return GeneratorSpec("g", latent_vector(3), (32, 32, 3), shapes, normal_prior(3), **more)


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_blend_is_the_mean_by_shares_plus_what_is_free():
    style, picture = normal(0, 2, 3, 4), normal(1, 2, 3, 2, 2, 3)
    share = np.asarray([[0.2, 0.3, 0.5], [1, 0, 0]], np.float32)
    free = {"style": normal(2, 2, 4), "picture": normal(3, 2, 2, 2, 3)}
    contexts = {"style": style, "picture": picture}
    joined = blend(contexts, jnp.asarray(share), free)
    plain = blend(contexts, jnp.asarray(share), ())
    expected = {
        "style": np.einsum("bnc,bn->bc", style, share),
        "picture": np.einsum("bnhwc,bn->bhwc", picture, share),
    }
    for name, mean in expected.items():
        np.testing.assert_allclose(plain[name], mean, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(joined[name], mean + free[name], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(plain["style"][1], style[1, 0])


def test_no_context_is_blended_into_none():
    assert blend(None, jnp.ones((2, 3)), ()) is None


def test_the_cut_that_is_taken_when_nothing_is_said():
    assert default_layer(spec(4, 8, 16, 16, 32)) == 2
    assert default_layer(spec(4, 8, 8)) == 2


def test_layers_that_there_are():
    with pytest.raises(InputError, match="no layer 2: choose one of 0 to 1"):
        spec(4, 8).feature_shape(2)
    assert spec(4, 8).feature_shape(1) == (8, 8, 2)
    assert spec(4, 8).latent_sizes == ((3,),)


def test_plain_stacks_have_nothing_free_beside_the_codes():
    assert spec(4, 8).free_context(1) == ()
    style = latent_vector(5)
    assert spec(4, 8, free_contexts=((), style)).free_context(1) == style


@pytest.mark.parametrize(("prior", "low", "high"), [(uniform_prior, -1, 1), (normal_prior, -6, 6)])
def test_priors_draw_what_they_say(prior, low, high):
    codes = prior(3).draw(jax.random.key(0), 500)
    assert codes.shape == (500, 3)
    assert low <= float(codes.min()) < -0.9
    assert 0.9 < float(codes.max()) <= high
    assert prior(3).kind == prior.__name__.removesuffix("_prior")
