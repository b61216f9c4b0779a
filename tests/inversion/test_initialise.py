"""Candidates against their own losses, codes of earlier runs, and the prior's shape."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import GeneratorSpec, Prior, latent_vector
from pmsfc_jax.inversion.compose import initial_codes, reconstruct
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.initialise import codes_from, draw_codes
from pmsfc_jax.inversion.prior import check_latent_weight
from pmsfc_jax.inversion.problem import Setting

KEYS = jax.random.split(jax.random.key(5), 3)


@partial(jax.jit, static_argnames="generator")
def pictures(generator, params, codes):
    masks = jnp.ones((1, 12))
    return reconstruct(generator, params, codes, masks, layer=2, method="mganprior")[0]


def setting_of(tiny, **fields):
    config = InversionConfig("mganprior", 2, 2, **fields)
    return Setting(tiny[0], config, 2)


def plain(tiny, keys):
    return compiled(tiny[0], keys)


@partial(jax.jit, static_argnames="generator")
def compiled(generator, keys):
    return initial_codes(
        generator, keys, layer=2, num_subspaces=1, codes_per_subspace=2, method="mganprior"
    )


def losses(tiny, codes, targets):
    image = pictures(tiny[0], tiny[1], codes)
    return np.square(np.asarray(image, np.float64) - targets).mean(axis=(1, 2, 3))


def test_one_candidate_is_the_plain_draw(tiny, targets):
    ours = draw_codes(setting_of(tiny), tiny[1], {}, KEYS, targets[:3], jnp.ones((1, 12)))
    for a, b in zip(ours, plain(tiny, KEYS), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_the_best_of_four_candidates_is_taken_for_each_image(tiny, targets):
    setting = setting_of(tiny, num_candidates=4)
    ours = draw_codes(setting, tiny[1], {}, KEYS, jnp.asarray(targets[:3]), jnp.ones((1, 12)))
    all_keys = [KEYS, *(jax.vmap(jax.random.fold_in, (0, None))(KEYS, i) for i in (1, 2, 3))]
    draws = [plain(tiny, keys) for keys in all_keys]
    table = np.array([losses(tiny, codes, targets[:3]) for codes in draws])
    chosen = table.argmin(axis=0)
    assert len(set(chosen)) > 1  # else one draw for all would pass
    for image, candidate in enumerate(chosen):
        np.testing.assert_allclose(ours.z[image], draws[candidate].z[image], rtol=1e-6)
        np.testing.assert_allclose(ours.w[image], draws[candidate].w[image], rtol=1e-6)


def test_codes_of_an_earlier_run_are_a_start(tiny):
    codes = plain(tiny, KEYS)
    ours = codes_from(setting_of(tiny), codes.z, codes.w, np.ones((1, 12)))
    np.testing.assert_array_equal(ours.z, codes.z)
    np.testing.assert_array_equal(ours.w, codes.w)
    with pytest.raises(InputError, match="use the settings they were found with"):
        codes_from(setting_of(tiny), codes.z[..., :5], codes.w, np.ones((1, 12)))
    with pytest.raises(InputError, match="must be finite"):
        codes_from(setting_of(tiny), codes.z * np.nan, codes.w, np.ones((1, 12)))


@pytest.mark.parametrize("kind", ["normal", "uniform", "sphere", "other"])
def test_only_normal_codes_have_a_shell_to_be_pulled_to(kind):
    spec = GeneratorSpec("made", latent_vector(24), (4, 4, 3), ((4, 4, 2),), Prior(kind, sphere))
    check_latent_weight(spec, 0.0)
    if kind != "normal":
        with pytest.raises(InputError, match="set latent_weight to 0"):
            check_latent_weight(spec, 0.1)


def sphere(key, num):
    z = jax.random.normal(key, (num, 24))
    return z / jnp.sqrt(jnp.square(z).mean(axis=1, keepdims=True))
