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

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.registry import FAMILIES
from tests.nn import toy
from tests.nn.families import GENERATORS, JUDGES, cases, random_params

TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}
#: With the toy, in which a latent is a tree and tails need a context.
TOY = {toy.FAMILY_NAME: {"plain": toy.ToyConfig(), "wider": toy.ToyConfig(widths=(6, 5, 4))}}
UNDER_TEST = GENERATORS | TOY
#: Left to the slow run: `test_stylegan2` and `test_biggan` test what is special about them.
LONG = {
    ("stylegan2", "resnet in z, clamped"),
    ("stylegan2", "one class, plain"),
    ("biggan", "class frozen"),
}
KNOWN = FAMILIES | {toy.FAMILY_NAME: toy.FAMILY}


class Made(NamedTuple):
    """One generator under test; ``draw`` is compiled, through a cut at layer 1."""

    family: str
    config: Any
    generator: SplitGenerator
    params: Any
    abstract: Any
    z: Any
    draw: Any
    traces: list


def latents(spec, *count, seed=1):
    """Normal codes of ``spec`` with axes ``count`` in front."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: rng.standard_normal((*count, *leaf.shape)).astype(np.float32), spec.latent
    )


def rows(tree, chosen):
    return jax.tree.map(lambda leaf: leaf[chosen], tree)


def through(generator, layer):
    def draw(params, z):
        h, context = generator.head(params, z, layer=layer)
        return generator.tail(params, h, context, layer=layer)

    return draw


def some_later(case):
    """``case`` as a parameter, left out of the default run where its family has quicker ones."""
    return pytest.param(case, marks=[pytest.mark.slow] if case in LONG else [], id="-".join(case))


@pytest.fixture(scope="module", params=map(some_later, cases(UNDER_TEST)))
def made(request):
    family, name = request.param
    config = UNDER_TEST[family][name]
    generator = KNOWN[family].split_generator(config, "under test")
    abstract = KNOWN[family].abstract_params(config)
    traces = []

    @jax.jit
    def draw(params, z):
        traces.append(len(jax.tree.leaves(z)[0]))
        return through(generator, 1)(params, z)

    z = latents(generator.spec, 3)
    return Made(family, config, generator, random_params(abstract), abstract, z, draw, traces)


@pytest.fixture(autouse=True)
def precise():
    with jax.default_matmul_precision("highest"):
        yield


def test_every_family_is_here():
    assert set(GENERATORS) == {name for name, f in FAMILIES.items() if f.split_generator}
    assert set(JUDGES) == {name for name, f in FAMILIES.items() if f.features}
    assert all(name == family.name for name, family in FAMILIES.items())


@pytest.mark.parametrize(("family", "name"), cases(UNDER_TEST) + cases(JUDGES))
def test_configuration_survives_json(family, name):
    config = (UNDER_TEST | JUDGES)[family][name]
    read = KNOWN[family].config_from_dict(json.loads(json.dumps(asdict(config))))
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
    one_by_one = [made.draw(made.params, rows(made.z, slice(i, i + 1))) for i in range(3)]
    together = made.draw(made.params, made.z)
    np.testing.assert_allclose(together, jnp.concatenate(one_by_one), **TOLERANCE)


def test_exactly_one_trace_a_batch_shape(made):
    first = made.draw(made.params, made.z)
    params, z = jax.tree.map(lambda leaf: leaf + np.float32(0.1), (made.params, made.z))
    assert not np.array_equal(first, made.draw(params, z))
    assert len(made.traces) == len(set(made.traces)) >= 1


def test_one_loaded_twice_compiles_nothing_anew(made):
    """Equal by family and configuration, whatever it is called, and so the same program."""
    again = KNOWN[made.family].split_generator(made.config, "loaded again").with_identity("1f")
    assert again is not made.generator
    assert again == made.generator
    assert hash(again) == hash(made.generator)
    traces = []

    @partial(jax.jit, static_argnames="cut")
    def feature(params, z, cut):
        traces.append(cut)
        return cut.head(params, z)[0]

    first = feature(made.params, made.z, Cut(made.generator, 0))
    np.testing.assert_array_equal(feature(made.params, made.z, Cut(again, 0)), first)
    assert len(traces) == 1
    assert Cut(again, 0) != Cut(again, 1)


def test_another_configuration_is_another_generator():
    made = [KNOWN[f].split_generator(UNDER_TEST[f][name], "g") for f, name in cases(UNDER_TEST)]
    assert len(set(made)) == len(made)


def test_gradients(made):
    """Finite, none without effect, and equal to finite differences in float64.

    The direction moves codes and params at once; the gradient passes a cut on its way. Half of the
    codes are drawn, so that it passes a mapping, too.
    """
    generator, rng = made.generator, np.random.default_rng(2)
    with jax.enable_x64(True):
        params = random_params(made.abstract, np.float64)
        z = jax.tree.map(lambda leaf: leaf[:2].astype(np.float64), made.z)
        noise = jax.tree.map(
            lambda leaf: leaf.astype(np.float64) if leaf.dtype == np.float32 else leaf,
            generator.spec.prior.draw(jax.random.key(3), 2),
        )
        weight = rng.standard_normal((4, *generator.spec.image_shape))

        @jax.jit
        @jax.value_and_grad
        def objective(point):
            params, given = point
            drawn = generator.mapping(params, noise) if generator.mapping else noise
            both = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), given, drawn)
            return jnp.sum(weight * through(generator, 0)(params, both))

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


def test_a_draw_of_codes_is_a_function_of_its_key(made):
    generator, spec = made.generator, made.generator.spec
    once, again, other = (generator.draw(made.params, jax.random.key(k), 4) for k in (7, 7, 8))
    chex.assert_trees_all_equal_structs(once, spec.latent)
    chex.assert_trees_all_equal_shapes_and_dtypes(rows(once, 0), spec.latent)
    chex.assert_trees_all_equal(once, again)
    assert all(len(leaf) == 4 for leaf in jax.tree.leaves(once))
    # A class that was chosen is the same in all of them.
    pairs = zip(*map(jax.tree.leaves, (once, other)), strict=True)
    assert not all(np.array_equal(leaf, others) for leaf, others in pairs)


def test_the_centre_is_a_code(made):
    if made.generator.centre is None:
        pytest.skip("codes of this family have no centre")
    centre = made.generator.centre(made.params)
    chex.assert_trees_all_equal_shapes_and_dtypes(centre, made.generator.spec.latent)


def test_sliced_head_gives_the_channels_of_the_whole_one(made):
    """Channels of each group from that group's own codes, at every layer."""
    generator = made.generator
    if generator.head_sliced is None:
        pytest.skip("a norm after the convolution mixes channels: the family offers no slices")
    z = latents(generator.spec, 2, 2, seed=2)
    for layer in range(generator.spec.num_layers):
        channels = np.random.default_rng(layer).permutation(generator.spec.feature_shape(layer)[-1])
        groups = (tuple(map(int, channels[:1])), tuple(map(int, channels[1:])))
        sliced, context = generator.head_sliced(made.params, z, layer=layer, groups=groups)
        for i, (group, feature) in enumerate(zip(groups, sliced, strict=True)):
            own = np.s_[:, i]
            whole, whole_context = generator.head(made.params, rows(z, own), layer=layer)
            np.testing.assert_allclose(feature, whole[..., list(group)], **TOLERANCE)
            chex.assert_trees_all_close(rows(context, own), whole_context, **TOLERANCE)


def test_every_leaf_of_a_context_is_read(made):
    """What a head hands over beside the feature, the tail cannot do without."""
    generator = made.generator
    for layer in range(generator.spec.num_layers):
        h, context = generator.head(made.params, made.z, layer=layer)

        def total(context, h=h, layer=layer):
            return jnp.sum(jnp.sin(generator.tail(made.params, h, context, layer=layer)))

        for path, leaf in jax.tree_util.tree_leaves_with_path(jax.grad(total)(context)):
            assert np.abs(leaf).reshape(len(leaf), -1).max(axis=1).min() > 0, (layer, path)


def test_a_context_is_joined(made):
    """One code alone gives its own context, and what is free has the shapes that the spec says."""
    generator, spec = made.generator, made.generator.spec
    for layer in range(spec.num_layers):
        h, context = generator.head(made.params, made.z, layer=layer)
        assert bool(jax.tree.leaves(context)) == bool(jax.tree.leaves(spec.free_context(layer)))
        pairs = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf[::-1]], axis=1), context)
        share = jnp.asarray([[1.0, 0.0]] * 3)
        chex.assert_trees_all_close(generator.join(pairs, share, ()), context, **TOLERANCE)
        free = jax.tree.map(lambda leaf: jnp.zeros((3, *leaf.shape)), spec.free_context(layer))

        def total(free, h=h, pairs=pairs, layer=layer):
            joined = generator.join(pairs, jnp.full((3, 2), 0.5), free)
            x = generator.tail(made.params, h, joined, layer=layer)
            chex.assert_shape(x, (3, *spec.image_shape))
            return jnp.sum(jnp.sin(x))

        for leaf in jax.tree.leaves(jax.grad(total)(free)):
            assert np.abs(leaf).reshape(len(leaf), -1).max(axis=1).min() > 0


def test_sliced_head_is_offered_wherever_it_is_exact():
    offered = {
        name: FAMILIES["pggan"].split_generator(config, "g").head_sliced is not None
        for name, config in GENERATORS["pggan"].items()
    }
    assert offered == {name: c.norm == "input" for name, c in GENERATORS["pggan"].items()}
