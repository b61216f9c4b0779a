"""Families whose tails need a context are inverted like any other, by every kind of composition."""

import jax
import numpy as np
import pytest

from pmsfc_jax.inversion.drawing import draw
from pmsfc_jax.inversion.invert import invert
from pmsfc_jax.inversion.presets import preset
from pmsfc_jax.registry import FAMILIES
from tests.nn.families import GENERATORS, random_params

KEY = jax.random.key(0)
CASES = [
    ("stylegan2", "skip in w", "single"),
    pytest.param("stylegan2", "resnet in z, clamped", "mganprior", marks=pytest.mark.slow),
    pytest.param("biggan", "hierarchical", "mganprior", marks=pytest.mark.slow),
    ("biggan", "class frozen", "single"),
]


@pytest.mark.parametrize(("family", "name", "composition"), CASES)
def test_own_pictures_are_found_again(family, name, composition):
    """Codes and what is free of the context move, and the loss falls by half or more."""
    config = GENERATORS[family][name]
    generator = FAMILIES[family].split_generator(config, name)
    params = random_params(FAMILIES[family].abstract_params(config))
    latent = generator.draw(params, jax.random.key(4), 2)
    targets = np.asarray(jax.jit(lambda p: generator(p, latent))(params))
    codes = {} if composition == "single" else {"codes_per_subspace": 2}
    settings = preset(composition=composition, layer=1, num_steps=30, **codes)
    result = invert(generator, params, targets, key=KEY, config=settings)
    assert (result.losses.min(axis=1) < 0.5 * result.losses[:, 0]).all()
    free = result.drawing.codes.context
    assert jax.tree.structure(free) == jax.tree.structure(generator.spec.free_context(1))
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(free))
    again = draw(generator, params, result.drawing)
    np.testing.assert_allclose(again, result.reconstruction, atol=1e-4)
