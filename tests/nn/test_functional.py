"""From NNX modules to pure functions."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from pmsfc_jax.nn.functional import PureModule


class Affine(nnx.Module):
    built_with_arrays = 0

    def __init__(self, rngs):
        self.weight = nnx.Param(jax.random.normal(rngs.params(), (3, 2)))
        self.bias = nnx.Param(jnp.zeros((2,)))
        if not isinstance(self.bias[...], jax.core.Tracer):
            Affine.built_with_arrays += 1

    def __call__(self, x):
        return x @ self.weight[...] + self.bias[...].reshape(1, -1)


def test_params_are_a_plain_dict():
    module = PureModule(lambda rngs: Affine(rngs))
    assert {k: v.shape for k, v in module.abstract_params.items()} == {
        "weight": (3, 2),
        "bias": (2,),
    }
    params = module.init(jax.random.key(0))
    assert type(params) is dict
    chex.assert_trees_all_equal_shapes_and_dtypes(params, module.abstract_params)


def test_no_weights_without_init():
    Affine.built_with_arrays = 0
    module = PureModule(lambda rngs: Affine(rngs))
    module.bind({"weight": jnp.ones((3, 2)), "bias": jnp.ones((2,))})
    assert Affine.built_with_arrays == 0
    module.init(jax.random.key(0))
    assert Affine.built_with_arrays == 1


def test_bind_is_pure_and_differentiable():
    module = PureModule(lambda rngs: Affine(rngs))
    first = {"weight": jnp.ones((3, 2)), "bias": jnp.zeros((2,))}
    second = {"weight": jnp.zeros((3, 2)), "bias": jnp.ones((2,))}
    x = jnp.asarray([[1.0, 2.0, 3.0]])
    call = jax.jit(lambda params, x: module.bind(params)(x))
    np.testing.assert_allclose(call(first, x), [[6, 6]])
    np.testing.assert_allclose(call(second, x), [[1, 1]])
    np.testing.assert_allclose(call(first, x), [[6, 6]])
    gradient = jax.grad(lambda params: jnp.sum(call(params, x)))(first)
    np.testing.assert_allclose(gradient["weight"], [[1, 1], [2, 2], [3, 3]])
