"""What every generator family promises, whatever it is."""

import json
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.registry import FAMILIES
from tests.nn.families import GENERATORS, JUDGES, cases, random_params

TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


class Made(NamedTuple):
    """One generator under test; ``draw`` is compiled, through a cut at layer 1."""

    generator: SplitGenerator
    params: Any
    abstract: Any
    z: np.ndarray
    draw: Any
    traces: list


def through(generator, layer):
    def draw(params, z):
        h, context = generator.head(params, z, layer=layer)
        return generator.tail(params, h, context, layer=layer)

    return draw


@pytest.fixture(scope="module", params=cases(GENERATORS), ids="-".join)
def made(request):
    family, name = request.param
    config = GENERATORS[family][name]
    generator = FAMILIES[family].split_generator(config, "under test")
    abstract = FAMILIES[family].abstract_params(config)
    traces = []

    @jax.jit
    def draw(params, z):
        traces.append(z.shape)
        return through(generator, 1)(params, z)

    z = np.random.default_rng(1).standard_normal((3, *generator.spec.latent.shape))
    return Made(generator, random_params(abstract), abstract, z.astype(np.float32), draw, traces)


@pytest.fixture(autouse=True)
def precise():
    with jax.default_matmul_precision("highest"):
        yield


def test_every_family_is_here():
    assert set(GENERATORS) == {name for name, f in FAMILIES.items() if f.split_generator}
    assert set(JUDGES) == {name for name, f in FAMILIES.items() if f.features}
    assert all(name == family.name for name, family in FAMILIES.items())


@pytest.mark.parametrize(("family", "name"), cases(GENERATORS) + cases(JUDGES))
def test_configuration_survives_json(family, name):
    config = (GENERATORS | JUDGES)[family][name]
    read = FAMILIES[family].config_from_dict(json.loads(json.dumps(asdict(config))))
    assert read == config


def test_shapes_equal_the_spec(made):
    generator, spec = made.generator, made.generator.spec
    assert isinstance(generator, SplitGenerator)
    assert (spec.name, spec.identity) == ("under test", "")
    assert spec.num_layers == len(spec.feature_shapes) >= 2
    for layer in range(spec.num_layers):
        head = partial(generator.head, layer=layer)
        tail = partial(generator.tail, layer=layer)
        h, context = jax.eval_shape(head, made.params, made.z)
        assert (h.shape, h.dtype) == ((3, *spec.feature_shape(layer)), jnp.float32)
        x = jax.eval_shape(tail, made.params, h, context)
        assert (x.shape, x.dtype) == ((3, *spec.image_shape), jnp.float32)


def test_no_other_layer(made):
    generator, params = made.generator, made.params
    h, context = generator.head(params, made.z, layer=0)
    for layer in (-1, generator.spec.num_layers):
        with pytest.raises(InputError, match="choose one of 0 to"):
            generator.head(params, made.z, layer=layer)
        with pytest.raises(InputError, match="choose one of 0 to"):
            generator.tail(params, h, context, layer=layer)


def test_tail_of_head_is_the_generator_at_every_layer(made):
    """Eager at each layer against compiled at one, which is also "jit equals eager"."""
    compiled = made.draw(made.params, made.z)
    assert float(jnp.std(compiled)) > 1e-3
    np.testing.assert_allclose(made.generator(made.params, made.z), compiled, **TOLERANCE)
    for layer in range(made.generator.spec.num_layers):
        eager = through(made.generator, layer)(made.params, made.z)
        np.testing.assert_allclose(eager, compiled, **TOLERANCE)


def test_batch_equals_one_by_one(made):
    one_by_one = [made.draw(made.params, made.z[i : i + 1]) for i in range(3)]
    together = made.draw(made.params, made.z)
    np.testing.assert_allclose(together, jnp.concatenate(one_by_one), **TOLERANCE)


def test_exactly_one_trace_a_batch_shape(made):
    first = made.draw(made.params, made.z)
    second = made.draw(jax.tree.map(lambda leaf: leaf + np.float32(0.1), made.params), made.z + 1)
    assert not np.array_equal(first, second)
    assert len(made.traces) == len(set(made.traces)) >= 1


def test_gradients(made):
    """Finite, none without effect, and equal to finite differences in float64.

    The direction moves codes and params at once; the gradient passes a cut on its way.
    """
    generator, rng = made.generator, np.random.default_rng(2)
    with jax.enable_x64(True):
        params = random_params(made.abstract, np.float64)
        z = made.z[:2].astype(np.float64)
        weight = rng.standard_normal((2, *generator.spec.image_shape))

        @jax.jit
        @jax.value_and_grad
        def objective(point):
            return jnp.sum(weight * through(generator, 0)(*point))

        def along(step):
            return jax.tree.map(lambda p, d: p + step * d, point, direction)

        point = (params, z)
        direction = jax.tree.map(lambda leaf: rng.standard_normal(leaf.shape), point)
        _, gradient = objective(point)
        chex.assert_tree_all_finite(gradient)
        for path, leaf in jax.tree_util.tree_leaves_with_path(gradient):
            assert float(jnp.abs(leaf).max()) > 0, path
        products = jax.tree.map(lambda g, d: float(np.sum(np.asarray(g) * d)), gradient, direction)
        difference = float(objective(along(1e-6))[0] - objective(along(-1e-6))[0]) / 2e-6
        np.testing.assert_allclose(sum(jax.tree.leaves(products)), difference, rtol=1e-5)


def test_latent_prior_is_a_function_of_its_key(made):
    spec = made.generator.spec
    once, again, other = (spec.prior.draw(jax.random.key(k), 4) for k in (7, 7, 8))
    chex.assert_shape(once, (4, *spec.latent.shape))
    chex.assert_type(once, jnp.float32)
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


def test_sliced_head_gives_the_channels_of_the_whole_one(made):
    """Channels of each group from that group's own codes, at every layer."""
    generator = made.generator
    if generator.head_sliced is None:
        pytest.skip("a norm after the convolution mixes channels: the family offers no slices")
    z = np.random.default_rng(2).standard_normal((2, 2, *generator.spec.latent.shape))
    z = z.astype(np.float32)
    for layer in range(generator.spec.num_layers):
        channels = np.random.default_rng(layer).permutation(generator.spec.feature_shape(layer)[-1])
        groups = (tuple(map(int, channels[:1])), tuple(map(int, channels[1:])))
        sliced, context = generator.head_sliced(made.params, z, layer=layer, groups=groups)
        assert context is None
        for i, (group, feature) in enumerate(zip(groups, sliced, strict=True)):
            whole, _ = generator.head(made.params, z[:, i], layer=layer)
            np.testing.assert_allclose(feature, whole[..., list(group)], **TOLERANCE)


def test_sliced_head_is_offered_wherever_it_is_exact():
    offered = {
        name: FAMILIES["pggan"].split_generator(config, "g").head_sliced is not None
        for name, config in GENERATORS["pggan"].items()
    }
    assert offered == {name: c.norm == "input" for name, c in GENERATORS["pggan"].items()}
