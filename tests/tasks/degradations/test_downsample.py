import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.tasks.degradations.downsample import downsample, resize
from pmsfc_jax.tasks.degradations.resampling import FILTERS, inverse_matrix, resampling_matrix
from tests.tasks.degradations.cases import pictures


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("size", [(6, 8), (5, 7), (23, 30), (12, 9)])
def test_matrices_are_pillows(kind, size):
    x = np.random.default_rng(0).normal(size=(12, 18)).astype(np.float32)
    flag = getattr(Image.Resampling, kind.upper())
    expected = np.asarray(Image.fromarray(x).resize(size[::-1], flag))
    rows, columns = resampling_matrix(12, size[0], kind), resampling_matrix(18, size[1], kind)
    np.testing.assert_allclose(rows @ x @ columns.T, expected, atol=1e-5)


def test_the_inverse_is_the_pseudo_inverse():
    down, up = resampling_matrix(17, 5, "lanczos"), inverse_matrix(17, 5, "lanczos")
    np.testing.assert_allclose(down @ up, np.eye(5), atol=1e-10)
    np.testing.assert_allclose((up @ down).T, up @ down, atol=1e-10)


def test_the_model_is_pillow_up_to_its_rounding_at_every_factor():
    images = pictures()
    for size in [(6, 9), (4, 6), (11, 13), (1, 1)]:
        y = downsample(size).operator.apply((), images.astype(np.float32) / 127.5 - 1)
        levels = np.clip((np.asarray(y) + 1) * 127.5, 0, 255)
        assert np.abs(levels - resize(images, size, "bicubic")).max() < 1.2


def test_a_picture_that_is_not_smaller_is_refused():
    with pytest.raises(InputError, match="64x64 is not smaller than one of 64x64"):
        downsample((64, 64)).operator.shape((64, 64, 3))
    with pytest.raises(InputError, match="filters are box"):
        downsample((4, 4), "nearest")
