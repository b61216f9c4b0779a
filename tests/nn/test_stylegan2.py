"""StyleGAN2's own facts; what all generators share is in test_conformance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import convolve2d

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.blur import blur, upsample_blur
from pmsfc_jax.nn.stylegan2 import (
    StyleGAN2Config,
    config_from_dict,
    pure_module,
    split_generator,
)
from tests.nn.families import GENERATORS, random_params

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16
CONFIGS = GENERATORS["stylegan2"]


def test_numbers_of_layers():
    config = StyleGAN2Config(8, 8, 2, (6, 5, 4))
    assert [config.side(layer) for layer in range(5)] == [4, 8, 8, 16, 16]
    assert [config.width(layer) for layer in range(5)] == [6, 5, 5, 4, 4]
    assert (config.num_layers, config.num_styles, config.resolution) == (5, 6, 16)
    assert config.images() == (0, 2, 4)
    assert StyleGAN2Config(8, 8, 2, (6, 5, 4), "resnet").images() == (4,)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"architecture": "orig"}, "architecture is 'orig'"),
        ({"latent_space": "w+"}, "latent_space is 'w+'"),
        ({"widths": (4,)}, "8x8 pixels"),
        ({"widths": (4, 0)}, "widths is 0"),
        ({"latent_dim": 0}, "latent_dim is 0"),
        ({"mapping_depth": 1.5}, "mapping_depth is 1.5"),
        ({"truncation": 1.5}, "truncation is 1.5"),
        ({"truncation": float("nan")}, "truncation is nan"),
        ({"clamp": -1.0}, "clamp -1.0"),
        ({"truncated_styles": 2}, "latent space w"),
        ({"truncated_styles": 5, "latent_space": "z"}, "from 0 to 4"),
        ({"label": 0}, "label is 0"),
        ({"label": 3, "num_classes": 3}, "from 0 to 2"),
    ],
)
def test_impossible_configurations(changes, expected):
    plain = {"latent_dim": 5, "style_dim": 5, "mapping_depth": 1, "widths": (4, 4)}
    with pytest.raises(InputError, match=expected.replace("+", r"\+")):
        config_from_dict(plain | changes)


def test_filters_are_convolutions_of_each_channel():
    x = np.random.default_rng(0).standard_normal((2, 5, 4, 3))
    wide = np.zeros((2, 10, 8, 3))
    wide[:, ::2, ::2] = x
    for ours, source, pads in ((blur, x, (1, 1)), (upsample_blur, wide, (2, 1))):
        padded = np.pad(source, ((0, 0), pads, pads, (0, 0)))
        expected = [
            [convolve2d(image[..., c], FILTER, "valid") for c in range(3)] for image in padded
        ]
        expected = np.moveaxis(np.array(expected), 1, -1)
        np.testing.assert_allclose(ours(jnp.asarray(x, jnp.float32)), expected, atol=1e-6)


def made(name):
    config = CONFIGS[name]
    return split_generator(config), random_params(pure_module(config).abstract_params)


def test_draws_in_w_are_truncated_towards_the_mean():
    generator, params = made("skip in w")
    z = generator.spec.prior.draw(jax.random.key(0), 4)
    config = StyleGAN2Config(6, 5, 2, (6, 6, 6))
    whole = split_generator(config).mapping(params, z)
    mean = params["w_mean"]
    np.testing.assert_allclose(
        generator.mapping(params, z),
        mean + 0.7 * np.asarray(whole - mean[None]),
        rtol=1e-5,
        atol=1e-6,
    )
    np.testing.assert_array_equal(generator.centre(params), mean)
    assert generator.spec.prior.kind == "other"


def test_only_the_coarsest_styles_are_truncated():
    generator, params = made("resnet in z, clamped")
    latent = generator.draw(params, jax.random.key(0), 2)
    assert generator.centre is None
    assert generator.spec.prior.kind == "normal"
    w = generator.head(params, latent, layer=0)[1]["w"]
    assert w.shape == (2, 5, 6)
    np.testing.assert_array_equal(w[:, 1], w[:, -1])
    mean = params["w_mean"]
    np.testing.assert_allclose(
        w[:, 0], mean + 0.7 * np.asarray(w[:, 1] - mean[None]), rtol=1e-5, atol=1e-6
    )


def test_a_class_in_the_code_is_its_embedding():
    generator, params = made("classes in z")
    noise = generator.spec.prior.draw(jax.random.key(0), 30)
    latent = generator.mapping(params, noise)
    assert set(np.asarray(noise["label"]).tolist()) == {0, 1, 2}
    expected = params["embed"]["kernel"][noise["label"]] + params["embed"]["bias"]
    np.testing.assert_allclose(latent["class"], expected, rtol=1e-6)
    np.testing.assert_array_equal(latent["z"], noise["z"])


def test_w_plus_is_added_to_the_joined_styles_alone():
    generator, params = made("skip in w")
    w = generator.draw(params, jax.random.key(0), 4).reshape(2, 2, -1)
    contexts = [generator.head(params, w[:, i], layer=2)[1] for i in (0, 1)]
    contexts = jax.tree.map(lambda *leaves: jnp.stack(leaves, 1), *contexts)
    share = jnp.asarray([[0.25, 0.75], [1.0, 0.0]])
    free = {"w": jnp.ones((2, 3, 5))}
    joined = generator.join(contexts, share, free)
    for name, leaf in contexts.items():
        mean = np.einsum("bn,bn...->b...", share, leaf)
        mean = mean + 1 if name == "w" else mean
        np.testing.assert_allclose(joined[name], mean, rtol=1e-5, atol=1e-6)


def test_fresh_params_are_normalised():
    config = StyleGAN2Config(16, 16, 2, (16, 16, 16))
    params = pure_module(config).init(jax.random.key(3))
    generator = split_generator(config)
    latent = generator.draw(params, jax.random.key(0), 4)
    h, _ = generator.head(params, latent, layer=0)
    assert 0.3 < float(jnp.mean(jnp.square(h))) < 3
