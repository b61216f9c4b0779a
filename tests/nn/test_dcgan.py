"""DCGAN and its convolutions against their definitions, written out in float64."""

import json
from dataclasses import asdict

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn import dcgan
from pmsfc_jax.nn.transposed import (
    dilated_scatter,
    phased_scatter,
    scattered_side,
    strided_conv2d,
    transposed_conv2d,
)
from tests.nn.families import GENERATORS

#: Sides of the input, kernel, stride, padding, output padding.
CASES = [
    ((1, 1), 4, 1, 0, 0),
    ((1, 1), 4, 2, 1, 0),
    ((3, 5), 4, 2, 1, 0),
    ((4, 3), 3, 2, 1, 1),
    ((2, 3), 5, 3, 2, 2),
    ((3, 3), 2, 3, 0, 1),
    ((4, 4), 3, 1, 1, 0),
    ((3, 4), 3, 1, 2, 0),
    ((5, 4), 1, 2, 0, 0),
]
CONFIGS = GENERATORS["dcgan"]


def scattered(x, kernel, stride, padding, extra):
    """A transposed convolution as it is defined: each pixel adds its multiple of the kernel."""
    x, kernel = x.astype(np.float64), kernel.astype(np.float64)
    size = kernel.shape[0]
    height, width = ((side - 1) * stride + size + extra for side in x.shape[1:3])
    y = np.zeros((len(x), height, width, kernel.shape[-1]))
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            rows, columns = (slice(stride * k, stride * k + size) for k in (i, j))
            y[:, rows, columns] += np.einsum("bi,uvio->buvo", x[:, i, j], kernel)
    return y[:, padding : height - padding, padding : width - padding]


def gathered(x, kernel, stride, padding):
    size = kernel.shape[0]
    x = np.pad(x.astype(np.float64), ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
    windows = windows[:, ::stride, ::stride]
    return np.einsum("bhwiuv,uvio->bhwo", windows, kernel.astype(np.float64))


def drawn(sides, kernel):
    rng = np.random.default_rng(3)
    shapes = (2, *sides, 3), (kernel, kernel, 3, 2)
    return [jnp.asarray(rng.standard_normal(shape), jnp.float32) for shape in shapes]


def assert_gradients_are_differences(function, x, kernel):
    """For a function linear in each argument, whose differences are exact at any distance."""
    rng = np.random.default_rng(4)

    @jax.jit
    def both(x, kernel):
        value, pullback = jax.vjp(function, x, kernel)
        weights = jnp.asarray(rng.standard_normal(value.shape), jnp.float32)
        return jnp.vdot(weights, value), pullback(weights)

    total, gradients = both(x, kernel)
    for place, gradient in enumerate(gradients):
        direction = jnp.asarray(rng.standard_normal(gradient.shape), jnp.float32)
        moved = [x, kernel]
        moved[place] = moved[place] + direction
        difference = both(*moved)[0] - total
        assert float(jnp.vdot(gradient, direction)) == pytest.approx(float(difference), rel=1e-3)


@pytest.mark.parametrize(("sides", "size", "stride", "padding", "extra"), CASES)
def test_transposed_convolution(sides, size, stride, padding, extra):
    x, kernel = drawn(sides, size)

    def convolve(x, kernel):
        return transposed_conv2d(x, kernel, stride=stride, padding=padding, extra=extra)

    expected = scattered(np.asarray(x), np.asarray(kernel), stride, padding, extra)
    np.testing.assert_allclose(convolve(x, kernel), expected, atol=1e-5)
    assert_gradients_are_differences(convolve, x, kernel)


@pytest.mark.parametrize("form", [phased_scatter, dilated_scatter])
@pytest.mark.parametrize(("sides", "size", "stride", "padding", "extra"), CASES)
def test_both_forms_of_a_transposed_convolution(form, sides, size, stride, padding, extra):
    x, kernel = drawn(sides, size)
    out = tuple(scattered_side(side, size, stride, padding, extra) for side in sides)
    expected = scattered(np.asarray(x), np.asarray(kernel), stride, padding, extra)
    np.testing.assert_allclose(form(x, kernel, stride, padding, out), expected, atol=1e-5)


@pytest.mark.parametrize(("platform", "dilated"), [("cpu", False), ("tpu", True), ("cuda", True)])
def test_a_program_holds_the_form_of_its_platform_alone(platform, dilated):
    x, kernel = drawn((3, 5), 4)
    convolve = jax.jit(lambda x, kernel: transposed_conv2d(x, kernel, stride=2, padding=1))
    text = convolve.trace(x, kernel).lower(lowering_platforms=(platform,)).as_text()
    assert text.count("stablehlo.convolution") == 1
    assert ("lhs_dilate = [2, 2]" in text) == dilated


def test_second_derivatives_are_those_of_the_dilated_form():
    """Whose own are those of jax."""
    with jax.enable_x64(True):
        x, kernel = (leaf.astype(jnp.float64) for leaf in drawn((3, 4), 4))
        v = jnp.asarray(np.random.default_rng(5).standard_normal(x.shape))

        def second(convolve):
            def slope(x, kernel):
                return jax.vjp(lambda x: jnp.sin(convolve(x, kernel)).sum(), x)[1](1.0)[0]

            return jax.jit(jax.grad(lambda *a: (slope(*a) * v).sum(), argnums=(0, 1)))(x, kernel)

        ours = second(lambda x, kernel: transposed_conv2d(x, kernel, stride=2, padding=1))
        plain = second(lambda x, kernel: dilated_scatter(x, kernel, 2, 1, (6, 8)))
        for a, b in zip(ours, plain, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(4, 2, 1), (3, 2, 0), (4, 1, 2), (1, 3, 0)]
)
def test_strided_convolution(size, stride, padding):
    x, kernel = drawn((6, 7), size)

    def convolve(x, kernel):
        return strided_conv2d(x, kernel, stride=stride, padding=padding)

    expected = gathered(np.asarray(x), np.asarray(kernel), stride, padding)
    np.testing.assert_allclose(convolve(x, kernel), expected, atol=1e-5)
    assert_gradients_are_differences(convolve, x, kernel)


@pytest.fixture(params=CONFIGS, scope="module")
def drawn_generator(request):
    config = CONFIGS[request.param]
    rng = np.random.default_rng(1)

    def draw(leaf):
        scale = 0.3 if len(leaf.shape) == 4 else 1
        return (scale * rng.standard_normal(leaf.shape)).astype(leaf.dtype)

    params = jax.tree.map(draw, dcgan.pure_module(config).abstract_params)
    return config, dcgan.split_generator(config), params


def test_the_generator_as_its_stages_define_it(drawn_generator):
    config, generator, params = drawn_generator
    z = generator.spec.prior.draw(jax.random.key(2), 2)
    x = np.asarray(z, np.float64)[:, None, None]
    for layer, stage in enumerate(config.stages):
        kernel, bias = (np.asarray(params[f"stage{layer}"][part]) for part in ("kernel", "bias"))
        if stage.kind == "dense":
            x = np.einsum("bd,dhwo->bhwo", x[:, 0, 0], kernel)
        elif stage.kind == "transposed":
            x = scattered(x, kernel, stage.stride, stage.padding, stage.output_padding)
        else:
            x = x.repeat(stage.upsample, 1).repeat(stage.upsample, 2)
            x = gathered(x, kernel, stage.stride, stage.padding)
        x = x + bias
        slope = {"relu": 0.0, "leaky_relu": stage.slope, "linear": 1.0}[stage.activation]
        x = np.where(x > 0, x, slope * x)
        if layer < generator.spec.num_layers:
            assert x.shape[1:] == generator.spec.feature_shape(layer)
            feature, _ = generator.head(params, z, layer=layer)
            np.testing.assert_allclose(feature, x, atol=1e-5)
    x = np.tanh(x) if config.output == "tanh" else x
    assert x.shape[1:] == generator.spec.image_shape
    np.testing.assert_allclose(generator(params, z), x, atol=1e-5)


def test_no_layer_after_the_image(drawn_generator):
    _, generator, params = drawn_generator
    with pytest.raises(InputError, match="has no layer"):
        generator.head(params, jnp.zeros((1, 5)), layer=generator.spec.num_layers)


def test_priors():
    for config in CONFIGS.values():
        z = np.asarray(dcgan.split_generator(config).spec.prior.draw(jax.random.key(0), 2000))
        assert z.dtype == np.float32
        assert z.shape == (2000, config.latent_dim)
        uniform = config.prior == "uniform"
        assert (np.abs(z).max() <= 1) == uniform
        assert z.std() == pytest.approx(1 / np.sqrt(3) if uniform else 1, rel=0.03)
        assert abs(z.mean()) < 0.05


def test_a_configuration_is_its_own_json():
    for config in CONFIGS.values():
        assert dcgan.config_from_dict(json.loads(json.dumps(asdict(config)))) == config


PUBLISHED = asdict(CONFIGS["as published"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output": "clip"}, "output"),
        ({"prior": "cauchy"}, "prior"),
        ({"latent_dim": 0}, "latent_dim"),
        ({"depth": 3}, "unknown fields"),
        ({"stages": PUBLISHED["stages"][:1]}, "two stages"),
        ({"stages": [*PUBLISHED["stages"][:2], 5]}, "named values"),
        ({"stages": PUBLISHED["stages"][:2]}, "3 channels"),
    ],
)
def test_impossible_configurations(change, message):
    with pytest.raises(InputError, match=message):
        dcgan.config_from_dict(PUBLISHED | change)


@pytest.mark.parametrize(
    ("stage", "change", "message"),
    [
        (0, {"kind": "linear"}, "kind"),
        (0, {"activation": "selu"}, "activation"),
        (0, {"slope": 2.0}, "slope"),
        (0, {"slope": float("nan")}, "slope"),
        (0, {"width": 0}, "width"),
        (0, {"kernel": 1.5}, "kernel"),
        (0, {"upsample": 2}, "upsample"),
        (0, {"sides": 4}, "unknown fields"),
        (1, {"kind": "dense"}, "dense"),
        (1, {"output_padding": 2}, "output_padding"),
        (1, {"kind": "plain", "padding": 0, "kernel": 5}, "sides"),
        (2, {"activation": "relu"}, "last stage"),
    ],
)
def test_impossible_stages(stage, change, message):
    stages = [dict(s) for s in PUBLISHED["stages"]]
    stages[stage] |= change
    with pytest.raises(InputError, match=message):
        dcgan.config_from_dict(PUBLISHED | {"stages": stages})
