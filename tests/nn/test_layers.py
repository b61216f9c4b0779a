"""Layers against plain numpy, plain lax, and torch."""

import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from pmsfc_jax.nn.layers import (
    conv2d,
    dilated_upsample_conv2d,
    downsample_mean,
    leaky_relu,
    phased_upsample_conv2d,
    pixel_norm,
    upsample_bilinear,
    upsample_conv2d,
    upsample_nearest,
)
from tests.weights import maths

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(autouse=True)
def precise():
    with jax.default_matmul_precision("highest"):
        yield


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def nchw(x):
    return np.asarray(x, np.float64).transpose(0, 3, 1, 2)


def oihw(kernel):
    return np.asarray(kernel, np.float64).transpose(3, 2, 0, 1)


def plain_conv(x, kernel):
    return lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def plain_upsample_conv(x, kernel):
    return plain_conv(upsample_nearest(x), kernel)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("shape", [(2, 4, 4, 3), (1, 7, 5, 2), (1, 1, 1, 3)], ids=str)
def test_conv2d(k, shape):
    x, kernel = normal(0, *shape), normal(1, k, k, shape[-1], 4)
    expected = maths.conv(nchw(x), oihw(kernel), k // 2)
    np.testing.assert_allclose(nchw(conv2d(x, kernel)), expected, **CLOSE)


#: The one that programs use, and the two forms between which it chooses by platform.
DOUBLING = (upsample_conv2d, phased_upsample_conv2d, dilated_upsample_conv2d)


@pytest.mark.parametrize("ours", DOUBLING)
@pytest.mark.parametrize("shape", [(2, 4, 4, 3), (1, 7, 5, 2), (1, 1, 1, 3)], ids=str)
def test_upsample_conv2d(ours, shape):
    x, kernel = normal(0, *shape), normal(1, 3, 3, shape[-1], 4)
    expected = maths.conv(maths.nearest(nchw(x)), oihw(kernel), 1)
    np.testing.assert_allclose(nchw(ours(x, kernel)), expected, **CLOSE)


@pytest.mark.parametrize(("platform", "dilated"), [("cpu", False), ("tpu", True), ("cuda", True)])
def test_a_program_holds_the_form_of_its_platform_alone(platform, dilated):
    x, kernel = normal(0, 2, 4, 4, 3), normal(1, 3, 3, 3, 4)
    text = jax.jit(upsample_conv2d).trace(x, kernel).lower(lowering_platforms=(platform,)).as_text()
    assert text.count("stablehlo.convolution") == 1
    assert ("lhs_dilate = [2, 2]" in text) == dilated


def test_the_choice_of_a_form_costs_a_compiled_program_nothing():
    """Instruction by instruction what the form of this machine compiles to by itself."""
    x, kernel = normal(0, 2, 4, 4, 3), normal(1, 3, 3, 3, 4)
    form = dilated_upsample_conv2d if jax.default_backend() != "cpu" else phased_upsample_conv2d

    def kinds(function):
        text = jax.jit(function).lower(x, kernel).compile().as_text()
        return sorted(re.findall(r"= \S+ ([a-z-]+)\(", text))

    assert "convolution" in kinds(form)
    assert kinds(upsample_conv2d) == kinds(form)


@pytest.mark.parametrize(
    ("ours", "plain", "k", "shape"),
    [
        (conv2d, plain_conv, 3, (2, 4, 3, 3)),
        (conv2d, plain_conv, 5, (1, 3, 4, 2)),
        *((ours, plain_upsample_conv, 3, (2, 4, 3, 3)) for ours in DOUBLING),
        (upsample_conv2d, plain_upsample_conv, 3, (1, 1, 1, 2)),
    ],
)
@pytest.mark.parametrize("arguments", [0, 1, (0, 1)], ids=["input", "kernel", "both"])
def test_gradients(ours, plain, k, shape, arguments):
    """Against autodiff of plain lax; frozen kernels and frozen inputs too."""
    x, kernel = normal(0, *shape), normal(1, k, k, shape[-1], 4)
    weight = normal(2, *jax.eval_shape(ours, x, kernel).shape)

    def gradient(function):
        return jax.jit(jax.grad(lambda *a: jnp.sum(weight * jnp.sin(function(*a))), arguments))

    chex.assert_trees_all_close(
        gradient(ours)(x, kernel), gradient(plain)(x, kernel), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("convolve", [conv2d, upsample_conv2d])
def test_gradients_within_a_loop(convolve):
    """The place they were written for: the same value inside scan as outside."""
    x, kernel = normal(0, 1, 4, 4, 3), normal(1, 3, 3, 3, 2)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(jnp.square(convolve(x, kernel)))))

    def step(x, _):
        return x - 1e-2 * gradient(x), None

    inside, _ = lax.scan(step, x, length=3)
    outside = x
    for _ in range(3):
        outside, _ = step(outside, None)
    np.testing.assert_allclose(inside, outside, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_upsample_nearest(factor):
    x = normal(0, 2, 3, 5, 2)
    np.testing.assert_array_equal(nchw(upsample_nearest(x, factor)), maths.nearest(nchw(x), factor))


@pytest.mark.parametrize("shape", [(2, 4, 4, 3), (1, 1, 1, 2), (1, 3, 5, 1)], ids=str)
def test_upsample_bilinear(shape):
    x = normal(0, *shape)
    np.testing.assert_allclose(nchw(upsample_bilinear(x)), maths.bilinear(nchw(x)), **CLOSE)


def test_downsample_mean():
    x = normal(0, 2, 4, 6, 3)
    y = np.asarray(x)
    expected = (y[:, ::2, ::2] + y[:, 1::2, ::2] + y[:, ::2, 1::2] + y[:, 1::2, 1::2]) / 4
    np.testing.assert_allclose(downsample_mean(x), expected, **CLOSE)
    np.testing.assert_allclose(downsample_mean(upsample_nearest(x)), x, **CLOSE)


def test_pixel_norm():
    x = normal(0, 2, 4, 4, 3)
    np.testing.assert_allclose(nchw(pixel_norm(x)), maths.pixel_norm(nchw(x)), **CLOSE)
    assert np.isfinite(jax.grad(lambda x: jnp.sum(pixel_norm(x)))(jnp.zeros((1, 3)))).all()


def test_leaky_relu():
    x = jnp.asarray([-2.0, -0.5, 0.0, 0.5, 2.0])
    np.testing.assert_allclose(leaky_relu(x, 0.2), [-0.4, -0.1, 0, 0.5, 2], **CLOSE)
    slopes = jax.grad(lambda x: jnp.sum(leaky_relu(x, 0.2)))(x)
    np.testing.assert_allclose(slopes, [0.2, 0.2, 1, 1, 1], **CLOSE)


@pytest.mark.torch
def test_torch_agrees():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    x, kernel = normal(0, 2, 5, 7, 3), normal(1, 3, 3, 3, 4)
    image = torch.tensor(nchw(x))
    weight = torch.tensor(oihw(kernel))
    doubled = functional.interpolate(image, scale_factor=2, mode="nearest")
    smooth = functional.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
    pairs = [
        (conv2d(x, kernel), functional.conv2d(image, weight, padding=1)),
        (upsample_conv2d(x, kernel), functional.conv2d(doubled, weight, padding=1)),
        (upsample_nearest(x), doubled),
        (upsample_bilinear(x), smooth),
        (downsample_mean(x[:, :4, :6]), functional.avg_pool2d(image[:, :, :4, :6], 2)),
        (leaky_relu(x, 0.2), functional.leaky_relu(image, 0.2)),
    ]
    for ours, theirs in pairs:
        np.testing.assert_allclose(nchw(ours), theirs.numpy(), **CLOSE)


@pytest.mark.torch
def test_torch_agrees_with_the_reference_of_the_tests():
    """The numpy of `tests.weights.maths` itself, fused upsampling as the codebases compute it."""
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    kernel = np.random.default_rng(1).standard_normal((3, 6, 3, 3))
    wide = torch.nn.functional.pad(torch.tensor(kernel), (1, 1, 1, 1))
    wide = wide[:, :, 1:, 1:] + wide[:, :, :-1, 1:] + wide[:, :, 1:, :-1] + wide[:, :, :-1, :-1]
    theirs = torch.nn.functional.conv_transpose2d(torch.tensor(x), wide, stride=2, padding=1)
    np.testing.assert_allclose(maths.fused_up_conv(x, kernel), theirs.numpy(), atol=1e-10)
