import jax
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.nn import pggan
from pmsfc_jax.tasks import degradations as d
from pmsfc_jax.tasks.degradations.blur import convolve
from pmsfc_jax.tasks.restoration.blind import estimate_kernels
from pmsfc_jax.tasks.restoration.settings import RestoreConfig

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def blurred():
    """A generator of 8x8 pictures, two that it can draw, blurred along a line; and the kernels."""
    config = pggan.PGGANConfig(latent_dim=6, widths=(6, 6, 4, 4))
    params = pggan.pure_module(config).init(jax.random.key(7))
    generator = pggan.split_generator(config, "small")
    z = generator.spec.prior.draw(jax.random.key(3), 2)
    images = np.tanh(np.asarray(jax.jit(lambda p: generator(p, z))(params)))
    kernels = d.kernels_of(np.pad(np.ones((1, 3)), ((1, 1), (0, 0))), 2)
    return generator, params, np.asarray(convolve(kernels, images)), kernels


@pytest.mark.slow
def test_an_unknown_kernel_is_approached(blurred):
    generator, params, photographs, kernels = blurred
    config = RestoreConfig(
        codes=2, steps=40, inversion=InversionConfig(composition="mganprior", batch_size=8)
    )
    found = estimate_kernels(
        generator, params, photographs, side=3, layer=0, key=KEY, config=config
    )
    assert found.shape == (2, 3, 3)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 1, atol=1e-5)
    first = d.kernels_of(d.gaussian(0.45, 1), 2)
    before = np.abs(first - kernels).sum(axis=(1, 2))
    assert (np.abs(found - kernels).sum(axis=(1, 2)) < 0.8 * before).all()


def test_a_side_that_is_impossible_is_refused(blurred):
    generator, params, photographs, _ = blurred
    for side in (4, 9):
        with pytest.raises(InputError, match=f"a kernel of side {side}"):
            estimate_kernels(generator, params, photographs, side=side, layer=1, key=KEY)
