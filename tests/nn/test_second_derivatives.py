"""Second derivatives of the two convolutions, against those of jax's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from pmsfc_jax.nn.layers import (
    conv2d,
    dilated_upsample_conv2d,
    phased_upsample_conv2d,
    upsample_conv2d,
    upsample_nearest,
)


def plain(x, kernel):
    return lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def plain_upsample(x, kernel):
    return plain(upsample_nearest(x), kernel)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (conv2d, plain),
        (upsample_conv2d, plain_upsample),
        (phased_upsample_conv2d, plain_upsample),
        (dilated_upsample_conv2d, plain_upsample),
    ],
)
def test_second_derivatives_are_those_of_the_plain_convolution(ours, theirs):
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, v = (jnp.asarray(rng.normal(size=(2, 4, 6, 3))) for _ in range(2))
        kernel = jnp.asarray(rng.normal(size=(3, 3, 3, 5)))

        def second(conv):
            def slope(x, kernel):
                return jax.vjp(lambda x: jnp.sin(conv(x, kernel)).sum(), x)[1](1.0)[0]

            return jax.grad(lambda x, k: (slope(x, k) * v).sum(), argnums=(0, 1))(x, kernel)

        for a, b in zip(second(ours), second(theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
