"""What every composition promises, whatever it is, and that nothing else knows their names."""

import ast
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pmsfc_jax
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.compose import composed, head_features, reconstruct, served_groups
from pmsfc_jax.inversion.compositions import COMPOSITIONS, composition_of

from .conftest import drawn_codes

R, C = 3, 12
PARTITION = np.eye(R, dtype=np.float32).repeat(C // R, axis=1)
#: Files that may name a composition: presets and rows of tables name what they consist of, options
#: list what can be chosen.
MAY_NAME = (
    "evaluation/methods.py",
    "evaluation/restoration/rows.py",
    "inversion/config.py",
    "inversion/presets.py",
    "tasks/restoration/settings.py",
    "options.py",
)


@pytest.fixture(params=COMPOSITIONS)
def composition(request):
    return composition_of(request.param)


def masks_of(composition):
    return PARTITION if composition.by_subspace else np.ones((1, C), np.float32)


def weights(composition, codes=4, seed=0, batch=2):
    rows = composition.rows(jnp.asarray(masks_of(composition)))
    w = np.random.default_rng(seed).normal(size=(batch, len(rows), codes, C)).astype(np.float32)
    return rows, jnp.asarray(w)


def test_mixing_has_the_shape_of_the_weights(composition):
    rows, w = weights(composition)
    mixing, guarded = composition.mix(w, rows)
    assert (mixing.shape, mixing.dtype) == (w.shape, w.dtype)
    assert (guarded.shape, guarded.dtype) == ((2,), jnp.int32)
    assert rows.shape[1] == C


def test_linear_is_what_the_derivative_says(composition):
    """True exactly where the coefficients change with the weights, and by the same everywhere."""
    rows, w = weights(composition)
    direction = weights(composition, seed=1)[1]

    def slope(w):
        return jax.jvp(lambda v: composition.mix(v, rows)[0], (w,), (direction,))[1]

    here, there = slope(w), slope(w + 0.3)
    constant = np.allclose(here, there, rtol=1e-4, atol=1e-6)
    assert composition.linear == (constant and bool(jnp.abs(here).max() > 0))


def test_live_weights_are_those_with_a_derivative(composition):
    for codes in (1, 3):
        rows, w = weights(composition, codes)
        probe = np.random.default_rng(2).normal(size=w.shape).astype(np.float32)
        gradient = jax.grad(lambda v, p=probe, r=rows: (composition.mix(v, r)[0] * p).sum())(w)
        moving = (np.abs(np.asarray(gradient)) > 1e-5).any(axis=(0, 2))
        np.testing.assert_array_equal(composition.live(rows, codes), moving)


def test_sliceable_compositions_ask_for_own_channels_alone(composition):
    rows, w = weights(composition)
    mixing, _ = composition.mix(w, rows)
    outside = np.asarray(mixing) * (1 - np.asarray(rows))[None, :, None]
    if composition.sliceable:
        assert not outside.any()
        assert composition.by_subspace
        assert not composition.extra


def test_sliced_heads_compose_the_same(composition, tiny):
    generator, params = tiny
    cut, masks = Cut(generator, 2), masks_of(composition)
    groups = served_groups(cut, masks, composition)
    assert (groups is not None) == composition.sliceable
    if groups is None:
        pytest.skip(f"codes of {composition.name} serve all channels")
    codes = drawn_codes(tiny, composition.name)
    features = [
        composed(
            cut,
            composition,
            head_features(cut, params, codes.latent, some),
            codes.w,
            (),
            jnp.asarray(masks),
            some,
        )[0]
        for some in (None, groups)
    ]
    np.testing.assert_allclose(features[1], features[0], rtol=1e-4, atol=1e-5)


def test_the_start_is_the_mean_of_the_features(composition, tiny):
    """Weights at their level, without noise: the mean over a set's codes, in its channels."""
    generator, params = tiny
    cut, masks = Cut(generator, 2), jnp.asarray(masks_of(composition))
    rows = composition.rows(masks)
    codes = 1 if composition.fixed_codes else 3
    latent = generator.draw(params, jax.random.key(0), len(rows) * codes)
    latent = latent.reshape(1, len(rows), codes, -1)
    w = jnp.full((1, len(rows), codes, C), composition.level(codes), jnp.float32)
    heads = head_features(cut, params, latent)
    ours, _, _ = composed(cut, composition, heads, w, (), rows)
    means = np.asarray(heads.features, np.float64).mean(axis=2)
    sets = len(rows) // len(masks)  # a channel that two sets serve gets half of each
    expected = np.einsum("brhwc,rc->bhwc", means, np.asarray(rows)) / (
        1 if sets == 1 and not composition.extra else 2
    )
    if composition.name == "mganprior_published":
        expected = expected / codes  # divided by the number of codes once more
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_images_do_not_meet(composition):
    rows, w = weights(composition)
    together, _ = composition.mix(w, rows)
    alone, _ = composition.mix(w[1:], rows)
    np.testing.assert_array_equal(together[1:], alone)


def test_numbers_that_weight_a_channel_are_counted(composition):
    """Weights that move what one channel shows, counted by their derivative."""
    codes = 1 if composition.fixed_codes else 4
    rows, w = weights(composition, codes, batch=1)
    probe = np.random.default_rng(2).normal(size=w.shape).astype(np.float32)
    gradient = jax.grad(lambda v: (composition.mix(v, rows)[0] * probe).sum())(w)
    moving = (np.abs(np.asarray(gradient))[0, :, :, 0] > 1e-6).sum()
    assert composition.weights_per_channel(len(rows), codes) == moving


def test_a_toy_that_needs_its_context_is_drawn_from_shared_contexts(composition):
    """One code of all: the picture of the generator itself, context included."""
    from ..nn.toy import toy

    generator, params = toy(jax.random.key(1))
    channels = generator.spec.feature_shape(1)[-1]
    masks = np.ones((1, channels), np.float32)
    rows = composition.rows(jnp.asarray(masks))
    latent = generator.draw(params, jax.random.key(2), 2)
    repeated = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf[:, None, None], (2, len(rows), 1, *leaf.shape[1:])),
        latent,
    )
    w = jnp.full((2, len(rows), 1, channels), composition.level(1), jnp.float32)
    free = jax.tree.map(
        lambda leaf: jnp.zeros((2, *leaf.shape), leaf.dtype), generator.spec.free_context(1)
    )
    codes = Codes(repeated, w, free)
    image, _ = reconstruct(Cut(generator, 1), composition, params, codes, jnp.asarray(masks))
    np.testing.assert_allclose(image, generator(params, latent), rtol=1e-4, atol=1e-5)
    moved = codes._replace(context=jax.tree.map(lambda leaf: leaf + 0.5, free))
    other, _ = reconstruct(Cut(generator, 1), composition, params, moved, jnp.asarray(masks))
    assert np.abs(np.asarray(other - image)).max() > 1e-3


def test_an_unknown_one_is_told():
    with pytest.raises(InputError, match="no composition 'other': choose one of pmsfc, "):
        composition_of("other")


def test_nothing_else_knows_their_names():
    """No string constant of the package is a composition's name, outside of its own room."""
    root = Path(pmsfc_jax.__file__).parent
    found = {}
    for path in root.rglob("*.py"):
        name = path.relative_to(root).as_posix()
        if name.startswith("inversion/compositions/") or name.endswith(MAY_NAME):
            continue
        constants = {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        # The command is called as equation 7 is.
        known = set(COMPOSITIONS) - ({"pmsfc"} if name.startswith("cli/") else set())
        if named := constants & known:
            found[name] = named
    assert not found
