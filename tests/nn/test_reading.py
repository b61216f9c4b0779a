"""The weights that read codes and features, of every family."""

import jax
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.reading import reading_code, reading_feature
from pmsfc_jax.registry import FAMILIES
from tests.nn.families import GENERATORS, cases, random_params


def built(family, case):
    config = GENERATORS[family][case]
    generator = FAMILIES[family].split_generator(config, case)
    return generator, random_params(FAMILIES[family].abstract_params(config))


@pytest.mark.parametrize(("family", "case"), cases(GENERATORS))
def test_features_are_read_at_every_cut(family, case):
    """A column a channel, of entries that all are weights of the generator."""
    generator, params = built(family, case)
    known = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])
    for layer in range(generator.spec.num_layers):
        weights = reading_feature(generator, params, layer)
        assert weights.shape[1] == generator.spec.feature_shape(layer)[-1]
        assert len(weights) >= 1
        assert np.isin(weights.astype(np.float32), known).all()


@pytest.mark.parametrize(("family", "case"), cases(GENERATORS))
def test_codes_are_read_or_refused(family, case):
    generator, params = built(family, case)
    sizes = generator.spec.latent_sizes
    if family == "biggan" or len(sizes) > 1:
        with pytest.raises(InputError, match="read in several places"):
            reading_code(generator, params)
        return
    weights = reading_code(generator, params)
    assert (weights.shape[1],) == sizes[0]
    known = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])
    assert np.isin(weights.astype(np.float32), known).all()


def test_matrices_lie_as_they_are_used():
    """Plain products with the kernels, written out."""
    generator, params = built("pggan", "plain")
    weights = reading_feature(generator, params, 0)
    kernel = params["conv1"]["kernel"]
    np.testing.assert_allclose(weights, kernel.reshape(9, 6, 6).transpose(0, 2, 1).reshape(54, 6))
    rgb = reading_feature(generator, params, 3)
    np.testing.assert_allclose(rgb, params["rgb8"]["kernel"].T)
    generator, params = built("dcgan", "dense")
    kernel = params["stage0"]["kernel"]
    np.testing.assert_allclose(reading_code(generator, params), kernel.reshape(6, -1).T)
    # Without norm and activation, a column is what its number of the code draws.
    flat = np.eye(6) @ kernel.reshape(6, -1)
    np.testing.assert_allclose(reading_code(generator, params)[:, 2], flat[2], rtol=1e-6)
    generator, params = built("stylegan2", "skip in w")
    first = params["conv0"]["style"]["kernel"]
    np.testing.assert_allclose(reading_code(generator, params)[:6], first.T)
