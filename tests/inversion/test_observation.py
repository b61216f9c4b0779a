"""What was observed of an image: operators, weights of the residual, keys, and a tail's context."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import IDENTITY, Observation, Operator
from pmsfc_jax.inversion.invert import invert
from pmsfc_jax.inversion.keys import digests, image_keys
from pmsfc_jax.inversion.misfit import evaluate
from pmsfc_jax.inversion.optimise import advance
from pmsfc_jax.inversion.presets import preset

from ..nn.toy import toy
from .conftest import drawn_codes, form, picture

KEY = jax.random.key(0)
USUAL = {"composition": "mganprior", "layer": 2, "codes_per_subspace": 2, "num_steps": 20}

#: Grey, and only where something was seen: one operator with an operand of each image's own.
HOLED_GREY = Operator(
    "holed grey",
    (),
    apply=lambda operands, x: x.mean(axis=-1, keepdims=True),
    shape=lambda shape: (*shape[:2], 1),
    view=lambda y: jnp.broadcast_to(y, (*y.shape[:3], 3)),
    weights=lambda operands, y: operands["seen"],
)


def observed(targets, seed=0):
    rng = np.random.default_rng(seed)
    grey = targets.mean(axis=-1, keepdims=True).astype(np.float32)
    seen = (rng.uniform(size=grey.shape) > 0.4).astype(np.float32)
    return Observation(grey, {"seen": seen})


def extract(v, x):
    return [x * v, x[:, ::2]]


def test_every_term_sees_the_observation(tiny, subspaces, targets):
    """Pixels, levels and V's maps of what was seen, against numpy on the picture."""
    generator, params = tiny
    config = preset(
        composition="pmsfc",
        layer=2,
        codes_per_subspace=2,
        coarse_weight=0.5,
        perceptual_weight=0.25,
    )
    codes, seen = drawn_codes(tiny), observed(targets[:2])
    of = form(generator, config, extract, operator=HOLED_GREY)
    arrays = jax.tree.map(jnp.asarray, seen)

    @jax.jit
    def measured(codes):
        from pmsfc_jax.inversion.form import traced
        from pmsfc_jax.inversion.problem import misfit_of, pose

        v = jnp.float32(3)
        problem = pose(of, v, arrays, subspaces.masks, codes)
        whole = misfit_of(of, params, v, problem, traced(config, 2).weights)
        return evaluate(whole, codes), picture(tiny, codes, subspaces.masks)

    info, image = measured(codes)
    grey = np.asarray(image, np.float64).mean(axis=-1, keepdims=True)
    residual = seen.operands["seen"] * (grey - seen.target)

    def halved(x):
        return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4

    def mean(x):
        return x.reshape(len(x), -1).mean(axis=1)

    half = halved(residual)
    coarse = (mean(half**2) + mean(halved(half) ** 2)) / 2
    maps = (mean(np.abs(3 * residual)) + mean(np.abs(residual[:, ::2]))) / 2
    np.testing.assert_allclose(info.loss, mean(residual**2) + 0.5 * coarse + 0.25 * maps, rtol=1e-4)


def test_what_was_not_seen_changes_nothing(small, small_targets):
    """Another hole compiles nothing, and pixels behind it do not matter."""
    seen = observed(small_targets)
    config = preset(**USUAL)
    first = invert(*small, seen, operator=HOLED_GREY, key=KEY, config=config)
    assert (first.losses.min(axis=1) < 0.7 * first.losses[:, 0]).all()
    before = advance._cache_size()
    other = observed(small_targets, seed=1)
    second = invert(*small, other, operator=HOLED_GREY, key=KEY, config=config)
    assert advance._cache_size() == before
    assert np.abs(second.losses - first.losses).max() > 1e-4
    hidden = seen.operands["seen"] == 0
    spoilt = seen._replace(target=np.where(hidden, np.float32(0.9), seen.target))
    keys = [image_keys(KEY, o, HOLED_GREY) for o in (seen, spoilt)]
    assert (jax.random.key_data(keys[0]) != jax.random.key_data(keys[1])).any()
    third = invert(*small, spoilt, operator=HOLED_GREY, key=KEY, config=config, start_from=first)
    fourth = invert(*small, seen, operator=HOLED_GREY, key=KEY, config=config, start_from=first)
    np.testing.assert_allclose(third.losses, fourth.losses, rtol=1e-5)


def test_an_observation_has_the_operators_shape(small, small_targets):
    with pytest.raises(InputError, match=r"after holed grey, so give \[n, 8, 8, 1\]"):
        invert(*small, small_targets, operator=HOLED_GREY, key=KEY, config=preset(**USUAL))


def test_digests_of_plain_targets_are_those_of_their_bytes():
    """As they were before there were operators, so that no published number moves."""
    target = np.linspace(-1, 1, 2 * 4 * 4 * 3, dtype=np.float32).reshape(2, 4, 4, 3)
    assert digests(Observation(target)) == [
        hashlib.sha256(image.tobytes()).digest() for image in target
    ]
    # Recorded with version 0.1, of the first of these images under key 0.
    recorded = [[3324107661, 2979088239]]
    ours = np.asarray(jax.random.key_data(image_keys(KEY, Observation(target[:1]))))
    assert ours.tolist() == recorded
    mask = {"seen": np.ones((2, 4, 4, 1), np.float32)}
    ops = [digests(Observation(target, mask), op) for op in (IDENTITY, HOLED_GREY)]
    assert ops[0] == digests(Observation(target))
    assert ops[1] != ops[0]


def test_a_tail_that_needs_its_context_is_inverted():
    """Codes that are trees, and what is optimised of the context, by its own block."""
    generator, params = toy(jax.random.key(3))
    latent = generator.draw(params, jax.random.key(4), 3)
    targets = np.asarray(jax.jit(lambda p: generator(p, latent))(params))
    config = preset(**(USUAL | {"layer": 1, "num_steps": 60}))
    result = invert(generator, params, targets, key=KEY, config=config)
    assert (result.losses.min(axis=1) < 0.05 * result.losses[:, 0]).all()
    assert set(result.codes) == {"content", "style"}
    free = result.drawing.codes.context
    assert all(np.abs(leaf).max() > 0 for leaf in free.values())
    frozen = preset(**(USUAL | {"layer": 1, "optimiser": "adam"}), context_learning_rate=1e-30)
    held = invert(generator, params, targets, key=KEY, config=frozen)
    assert all(np.abs(leaf).max() < 1e-20 for leaf in held.drawing.codes.context.values())
    free_to_move = preset(**(USUAL | {"layer": 1, "optimiser": "adam"}))
    moved = invert(generator, params, targets, key=KEY, config=free_to_move)
    assert moved.losses[:, -1].mean() < held.losses[:, -1].mean()


def test_the_first_step_within_the_noise_is_kept(small, small_targets):
    def weights(operands, y):
        return operands["known"]

    operator = Operator(
        "noisy",
        (),
        lambda operands, x: x,
        weights=weights,
        noise=lambda operands: operands["sigma"],
    )
    known = np.full((3, 8, 8, 1), 0.5, np.float32)
    config = preset(**USUAL)

    def inverted(sigma):
        operands = {"sigma": np.asarray(sigma, np.float32), "known": known}
        seen = Observation(small_targets, operands)
        return invert(*small, seen, operator=operator, key=KEY, config=config)

    middle = inverted([0.01] * 3).losses[0, 5]
    sigma = np.array([2 * np.sqrt(middle), 0.01, 10.0])
    result = inverted(sigma)
    for i, losses in enumerate(result.losses):
        within = np.flatnonzero(losses <= 0.25 * np.float32(sigma[i]) ** 2)
        expected = within[0] if len(within) else losses.argmin()
        assert result.best_step[i] == expected
    assert 0 < result.best_step[0] < 19
    assert result.best_step[2] == 0
