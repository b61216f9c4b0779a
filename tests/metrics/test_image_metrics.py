import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.metrics import psnr, ssim
from pmsfc_jax.metrics.image_metrics import _psnr, _ssim


def pair(shape, noise, seed=0):
    """Smooth random pictures and noisy copies of them, uint8."""
    rng = np.random.default_rng(seed)
    a = ndimage.gaussian_filter(rng.normal(size=shape), (0, 3, 3, 0))
    a = 127 + 500 * a
    b = a + rng.normal(size=shape) * noise
    return tuple(np.clip(np.rint(x), 0, 255).astype(np.uint8) for x in (a, b))


def psnr_float64(a, b):
    error = (a.astype(np.float64) - b) / 255
    return -10 * np.log10((error**2).mean((1, 2, 3)))


def ssim_float64(a, b):
    """SSIM in float64 by scipy: filter with mirrored edges, then drop all that touched an edge."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets**2) / (2 * 1.5**2))
    window /= window.sum()

    def local_mean(x):
        for axis in (1, 2):
            x = ndimage.correlate1d(x, window, axis=axis, mode="mirror")
        return x[:, 5:-5, 5:-5]

    a, b = a.astype(np.float64) / 255, b.astype(np.float64) / 255
    mean_a, mean_b = local_mean(a), local_mean(b)
    var_a = local_mean(a * a) - mean_a**2
    var_b = local_mean(b * b) - mean_b**2
    covariance = local_mean(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    quality = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    quality /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return quality.mean((1, 2, 3))


SHAPES = [(1, 32, 32, 3), (5, 32, 32, 3), (2, 64, 48, 3), (1, 11, 11, 3), (2, 12, 200, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("noise", [1.0, 20.0, 80.0])
def test_against_float64(shape, noise):
    a, b = pair(shape, noise)
    np.testing.assert_allclose(psnr(a, b), psnr_float64(a, b), rtol=0, atol=1e-4)
    np.testing.assert_allclose(ssim(a, b), ssim_float64(a, b), rtol=0, atol=2e-5)


def test_a_large_picture_keeps_its_digits():
    a, b = pair((1, 1024, 1024, 3), 3.0)
    np.testing.assert_allclose(psnr(a, b), psnr_float64(a, b), rtol=0, atol=1e-3)


def test_hand_computed_psnr():
    black = np.zeros((1, 32, 32, 3), np.uint8)
    assert float(psnr(black, black + np.uint8(255))[0]) == pytest.approx(0, abs=1e-5)
    assert float(psnr(black, black + np.uint8(1))[0]) == pytest.approx(48.1308, abs=1e-4)
    one = black.copy()
    one[0, 3, 4, 1] = 1
    assert float(psnr(one, black)[0]) == pytest.approx(83.0050, abs=1e-4)


def test_ssim_of_two_flat_pictures_is_its_luminance_term():
    a, b = (np.full((1, 16, 16, 3), level, np.uint8) for level in (51, 102))
    expected = (2 * 0.2 * 0.4 + 1e-4) / (0.2**2 + 0.4**2 + 1e-4)
    assert float(ssim(a, b)[0]) == pytest.approx(expected, abs=1e-4)


def test_identical_pictures():
    a, _ = pair((3, 32, 32, 3), 1.0)
    assert np.isposinf(psnr(a, a)).all()
    np.testing.assert_array_equal(ssim(a, a), np.ones(3, np.float32))


def test_each_pair_is_judged_alone():
    a, b = pair((4, 32, 32, 3), 15.0)
    b[2] = a[2]
    for metric in (psnr, ssim):
        together = np.asarray(metric(a, b))
        assert together.shape == (4,)
        assert together.dtype == np.float32
        one_by_one = [float(metric(a[i : i + 1], b[i : i + 1])[0]) for i in range(4)]
        np.testing.assert_allclose(together, one_by_one, rtol=1e-6)


def test_both_are_symmetric_and_take_jax_arrays():
    a, b = pair((2, 32, 32, 3), 15.0)
    for metric in (psnr, ssim):
        np.testing.assert_allclose(metric(a, b), metric(b, a), rtol=1e-6)
        np.testing.assert_array_equal(metric(jnp.asarray(a), jnp.asarray(b)), metric(a, b))
        np.testing.assert_array_equal(jax.jit(metric)(a, b), metric(a, b))


def test_metrics_compile_once_for_a_shape():
    for metric, jitted in ((psnr, _psnr), (ssim, _ssim)):
        before = jitted._cache_size()
        for seed in range(3):
            metric(*pair((3, 17, 19, 3), 5.0, seed))
        assert jitted._cache_size() == before + 1


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_wrong_input_is_told(metric):
    good = np.zeros((2, 32, 32, 3), np.uint8)
    with pytest.raises(InputError, match="not float32"):
        metric(good.astype(np.float32), good)
    with pytest.raises(InputError, match="not float32"):
        metric(good, good.astype(np.float32))
    with pytest.raises(InputError, match=r"differ in shape: \(2, 32, 32, 3\) and \(1, 32, 32, 3\)"):
        metric(good, good[:1])
    for bad in (good[0], good[..., :1], good[:0]):
        with pytest.raises(InputError, match="not shape"):
            metric(bad, bad)


def test_ssim_refuses_pictures_smaller_than_its_window():
    small = np.zeros((1, 10, 32, 3), np.uint8)
    with pytest.raises(InputError, match="11x11 pixels and the images are 10x32"):
        ssim(small, small)
    assert np.isposinf(psnr(small, small)).all()
