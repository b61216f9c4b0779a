"""PGGAN's own facts; what all generators share is in test_conformance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.layers import upsample_nearest
from pmsfc_jax.nn.pggan import PGGANConfig, config_from_dict, pure_module, split_generator
from tests.nn.families import random_params


def test_resolutions():
    config = PGGANConfig(8, (4, 4, 4, 4, 4, 4), extra_doublings=2)
    assert [config.layer_resolution(i) for i in range(6)] == [4, 4, 8, 8, 16, 16]
    assert [config.doubles(i) for i in range(6)] == [False, False, True, False, True, False]
    assert (config.top_resolution, config.resolution) == (16, 64)
    three = PGGANConfig(8, (4,) * 7, first_block=3)
    assert [three.layer_resolution(i) for i in range(7)] == [4, 4, 4, 8, 8, 16, 16]
    assert [i for i in range(7) if three.doubles(i)] == [3, 5]
    assert three.resolution == 16


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"widths": (4, 4, 4)}, "two a resolution"),
        ({"widths": ()}, "two a resolution"),
        ({"widths": (4, 0)}, "two a resolution"),
        ({"first_block": 3}, "3 convolutions at 4x4"),
        ({"first_block": 0}, "0 convolutions at 4x4"),
        ({"norm": "batch"}, "norm is 'batch'"),
        ({"output": "relu"}, "output is 'relu'"),
        ({"upsample": "cubic"}, "upsample is 'cubic'"),
        ({"fade": 1.0}, "fade is 1.0"),
        ({"fade": 0.5}, "4x4 cannot fade"),
        ({"latent_dim": 0}, "cannot be negative"),
    ],
)
def test_impossible_configurations(changes, expected):
    with pytest.raises(InputError, match=expected):
        PGGANConfig(**({"latent_dim": 5, "widths": (4, 4)} | changes))


def test_config_from_dict_names_what_is_wrong():
    with pytest.raises(InputError, match=r"unknown fields \['colour'\], lacks \['widths'\]"):
        config_from_dict({"latent_dim": 5, "colour": 1})


def test_fade_blends_two_images():
    """A traced share overrides the configured one, from only the new image to only the old."""
    fading = pure_module(PGGANConfig(5, (6, 6, 6, 6), fade=0.5))
    params = random_params(fading.abstract_params)
    z = np.random.default_rng(1).standard_normal((2, 5)).astype(np.float32)

    @jax.jit
    def faded(share):
        bound = fading.bind(params)
        return bound.tail(bound.head(z, 0), 0, share)

    new = {name: layer for name, layer in params.items() if name != "rgb4"}
    old = {name: params[name] for name in ("conv0", "conv1", "rgb4")}
    new = split_generator(PGGANConfig(5, (6, 6, 6, 6)))(new, z)
    old = upsample_nearest(split_generator(PGGANConfig(5, (6, 6)))(old, z))
    for share in (0.0, 0.3, 1.0):
        blend = (1 - share) * new + share * old
        np.testing.assert_allclose(faded(jnp.float32(share)), blend, rtol=1e-4, atol=1e-5)


def test_a_fading_generator_cannot_be_cut_where_one_image_was_read_already():
    module = pure_module(PGGANConfig(5, (6, 6, 6, 6), fade=0.5))
    bound = module.bind(random_params(module.abstract_params))
    with pytest.raises(InputError, match="cannot be cut at layer 2"):
        bound.tail(jnp.zeros((1, 8, 8, 6)), 2)


def test_a_feature_depends_on_its_own_output_channels_alone():
    """What makes a subspace's feature cheap: its channels need their own kernels alone."""
    module = pure_module(PGGANConfig(5, (6, 6, 6, 6)))
    params = random_params(module.abstract_params)
    z = jax.random.normal(jax.random.key(1), (2, 5))
    before = module.bind(params).head(z, 2)
    kernel = params["conv2"]["kernel"] * (np.arange(6) != 3).astype(np.float32).reshape(1, 1, 1, 6)
    after = module.bind({**params, "conv2": {**params["conv2"], "kernel": kernel}}).head(z, 2)
    changed = np.flatnonzero(np.any(np.asarray(before != after), (0, 1, 2)))
    np.testing.assert_array_equal(changed, [3])


def test_init_is_a_function_of_the_key_and_normalised():
    module = pure_module(PGGANConfig(32, (32, 32)))
    init = jax.jit(module.init)
    once, again = (init(jax.random.key(3)) for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, once, again)
    h = module.bind(once).head(jax.random.normal(jax.random.key(0), (16, 32)), 1)
    assert 0.3 < float(jnp.mean(jnp.square(h))) < 1.5
