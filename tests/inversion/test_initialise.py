"""Candidates against their own losses, and codes of earlier runs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.inversion.compose import initial_codes, reconstruct
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.form import traced
from pmsfc_jax.inversion.initialise import checked_start, draw_codes
from pmsfc_jax.inversion.presets import preset

from .conftest import form

KEYS = jax.random.split(jax.random.key(5), 3)
MGANPRIOR = composition_of("mganprior")


@partial(jax.jit, static_argnames="generator")
def pictures(generator, params, codes):
    return reconstruct(Cut(generator, 2), MGANPRIOR, params, codes, jnp.ones((1, 12)))[0]


def drawn(tiny, targets, num_candidates=1):
    generator, params = tiny
    config = preset(composition="mganprior", layer=2, codes_per_subspace=2)
    return draw_codes(
        form(generator, config),
        params,
        {},
        KEYS,
        Observation(jnp.asarray(targets[:3])),
        jnp.ones((1, 12)),
        traced(config, 3),
        codes_per_subspace=2,
        num_candidates=num_candidates,
    )


def plain(tiny, keys):
    return compiled(*tiny, keys)


@partial(jax.jit, static_argnames="generator")
def compiled(generator, params, keys):
    return initial_codes(Cut(generator, 2), MGANPRIOR, params, keys, num_rows=1, codes=2)


def losses(tiny, codes, targets):
    image = pictures(tiny[0], tiny[1], codes)
    return np.square(np.asarray(image, np.float64) - targets).mean(axis=(1, 2, 3))


def test_one_candidate_is_the_plain_draw(tiny, targets):
    ours, expected = map(jax.tree.leaves, (drawn(tiny, targets), plain(tiny, KEYS)))
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_the_best_of_four_candidates_is_taken_for_each_image(tiny, targets):
    ours = drawn(tiny, targets, 4)
    all_keys = [KEYS, *(jax.vmap(jax.random.fold_in, (0, None))(KEYS, i) for i in (1, 2, 3))]
    draws = [plain(tiny, keys) for keys in all_keys]
    table = np.array([losses(tiny, codes, targets[:3]) for codes in draws])
    chosen = table.argmin(axis=0)
    assert len(set(chosen)) > 1  # else one draw for all would pass
    for image, candidate in enumerate(chosen):
        np.testing.assert_allclose(ours.latent[image], draws[candidate].latent[image], rtol=1e-6)
        np.testing.assert_allclose(ours.w[image], draws[candidate].w[image], rtol=1e-6)


def test_codes_of_an_earlier_run_are_a_start(tiny):
    cut, masks, codes = Cut(tiny[0], 2), np.ones((1, 12)), plain(tiny, KEYS)
    ours = checked_start(codes, cut, MGANPRIOR, masks, 2)
    np.testing.assert_array_equal(ours.latent, codes.latent)
    np.testing.assert_array_equal(ours.w, codes.w)
    short = codes._replace(latent=codes.latent[..., :5])
    with pytest.raises(InputError, match="use the settings they were found with"):
        checked_start(short, cut, MGANPRIOR, masks, 2)
    with pytest.raises(InputError, match="use the settings they were found with"):
        checked_start(codes, cut, MGANPRIOR, masks, 3)
    with pytest.raises(InputError, match="must be finite"):
        checked_start(codes._replace(latent=codes.latent * np.nan), cut, MGANPRIOR, masks, 2)
