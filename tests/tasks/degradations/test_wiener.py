"""Wiener's filter by a guess, against patches cut one by one in float64."""

import jax
import numpy as np
import pytest
from scipy.fft import dctn, idctn

from pmsfc_jax.tasks import degradations as d
from pmsfc_jax.tasks.degradations.wiener import CAUTION, SIDE, cosines, wiener

_TO_OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float64)
_TO_OPPONENT /= np.linalg.norm(_TO_OPPONENT, axis=1, keepdims=True)


def by_patches(y, guess, sigma):
    """One picture ``[H, W, c]`` by the equation in the module's docstring, patch after patch."""
    turn = _TO_OPPONENT if y.shape[-1] == 3 else np.eye(1)
    rim = ((SIDE - 1, SIDE - 1), (SIDE - 1, SIDE - 1), (0, 0))
    y, guess = (np.pad(x.astype(np.float64) @ turn.T, rim, "symmetric") for x in (y, guess))
    noise = (CAUTION * sigma) ** 2
    total, picture, variance = np.zeros_like(y), np.zeros_like(y), np.zeros_like(y)
    basis = [idctn(unit.reshape(SIDE, SIDE), norm="ortho") ** 2 for unit in np.eye(SIDE * SIDE)]
    for row in range(y.shape[0] - SIDE + 1):
        for column in range(y.shape[1] - SIDE + 1):
            place = (slice(row, row + SIDE), slice(column, column + SIDE))
            for colour in range(y.shape[-1]):
                at = (*place, colour)
                power = dctn(guess[at], norm="ortho") ** 2
                share = power / (power + noise)
                weight = 1 / (share**2).sum()
                total[at] += weight
                picture[at] += weight * idctn(share * dctn(y[at], norm="ortho"), norm="ortho")
                spread = sum(s * b for s, b in zip(share.ravel(), basis, strict=True))
                variance[at] += weight * noise * spread
    inner = (slice(SIDE - 1, 1 - SIDE), slice(SIDE - 1, 1 - SIDE))
    deviation = np.sqrt((variance / total)[inner].mean(axis=-1))
    return (picture / total)[inner] @ turn, deviation


@pytest.mark.parametrize("colours", [1, 3])
def test_it_is_the_filter_patch_by_patch(colours):
    rng = np.random.default_rng(0)
    y, guess = rng.uniform(-1, 1, (2, 2, 9, 11, colours)).astype(np.float32)
    sigma = np.array([0.1, 0.7], np.float32)
    picture, deviation = jax.jit(wiener)(y, guess, sigma)
    for i in range(2):
        expected, spread = by_patches(y[i], guess[i], float(sigma[i]))
        np.testing.assert_allclose(picture[i], expected, atol=2e-6)
        np.testing.assert_allclose(deviation[i], spread, rtol=2e-5)


def test_the_cosines_are_those_of_scipy():
    units = np.eye(SIDE * SIDE).reshape(-1, SIDE, SIDE)
    expected = idctn(units, axes=(1, 2), norm="ortho")
    np.testing.assert_allclose(cosines(SIDE), expected, atol=1e-6)


def _scene(rng):
    """A step and a ripple ``[1, 32, 32, 3]``, and how large the noise is."""
    rows, columns = np.mgrid[0:32, 0:32]
    plane = np.where(columns < 16, -0.5, 0.4) + 0.2 * np.sin(rows / 2)
    truth = np.repeat(plane[None, ..., None], 3, axis=-1).astype(np.float32)
    sigma = np.array([0.2], np.float32)
    return truth, sigma, (truth + 0.2 * rng.standard_normal(truth.shape)).astype(np.float32)


def test_noise_goes_and_what_a_smooth_guess_lacks_comes_back():
    rng = np.random.default_rng(1)
    truth, sigma, noisy = _scene(rng)
    error = lambda x: float(np.sqrt(np.square(np.asarray(x) - truth).mean()))  # noqa: E731
    # The ripple is half as high in the guess as it is.
    smooth = truth - 0.1 * np.sin(np.mgrid[0:32, 0:32][0] / 2)[None, ..., None]
    found = d.noise().finish(sigma, noisy, smooth.astype(np.float32))
    assert error(found) < 0.6 * error(smooth) < 0.6 * error(noisy)
    # With the truth as the guess nearly nothing but the truth is left.
    assert error(d.noise().finish(sigma, noisy, truth)) < 0.3 * error(noisy)


def test_what_is_left_open_grows_with_the_noise_and_where_there_is_detail():
    truth, sigma, noisy = _scene(np.random.default_rng(2))
    left = np.asarray(d.noise().left(sigma, noisy, truth))[0]
    assert left.shape == (32, 32)
    assert (left > 0).all()
    assert (left < 0.2).all()
    assert left[:, 14:18].mean() > 1.3 * left[:, 4:8].mean()  # beside the step
    less = np.asarray(d.noise().left(sigma / 4, noisy, truth))[0]
    assert less.mean() < 0.5 * left.mean()


def test_a_guess_of_nothing_is_a_number():
    truth, sigma, noisy = _scene(np.random.default_rng(3))
    for level in (sigma, 0 * sigma):
        picture, deviation = wiener(noisy, np.zeros_like(truth), level)
        assert np.isfinite(picture).all()
        assert np.isfinite(deviation).all()
