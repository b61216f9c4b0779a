import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float
from pmsfc_jax.tasks import degradations as d
from pmsfc_jax.tasks.degradations.blur import convolve
from tests.tasks.degradations.cases import COUNT, pictures


def test_convolution_is_scipys():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 9, 14, 3)).astype(np.float32)
    kernels = rng.uniform(size=(3, 5, 5)).astype(np.float32)
    ours = np.asarray(convolve(kernels, x))
    for i in range(3):
        for colour in range(3):
            expected = ndimage.convolve(x[i, ..., colour], kernels[i], mode="reflect")
            np.testing.assert_allclose(ours[i, ..., colour], expected, atol=1e-5)


def test_a_gaussian_is_scipys():
    impulse = np.zeros((13, 13))
    impulse[6, 6] = 1
    expected = ndimage.gaussian_filter(impulse, 1.5, truncate=4)
    np.testing.assert_allclose(d.gaussian(1.5, radius=6), expected, atol=1e-6)


def test_a_motion_has_its_length_and_runs_where_it_says():
    for angle in (0.0, 30.0, 90.0, 135.0):
        kernel = d.motion(9, angle)
        rows, columns = np.mgrid[: len(kernel), : len(kernel)] - len(kernel) // 2
        covariance = np.cov(
            np.stack([columns.ravel(), -rows.ravel()]), aweights=kernel.ravel(), ddof=0
        )
        values, vectors = np.linalg.eigh(covariance)
        along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        assert abs(vectors[:, 1] @ along) > 0.999
        # The variance of an even segment is its length squared over twelve; sharing points out
        # among pixels adds a quarter or less.
        assert abs(12 * values[1] - 9**2) < 4
        assert values[0] < 0.3


def test_a_disk_has_its_area():
    kernel = d.disk(4.0)
    rows, columns = np.mgrid[: len(kernel), : len(kernel)] - len(kernel) // 2
    # The mean squared distance from the middle of a disk of radius r is r^2 / 2.
    assert abs((kernel * (rows**2 + columns**2)).sum() - 8) < 0.5
    assert abs(1 / kernel.max() - np.pi * 16) < 1.5


@pytest.mark.parametrize(
    "bad", [np.ones((2, 2)), np.ones((3, 5)), -np.ones((3, 3)), np.zeros((3, 3))]
)
def test_what_is_no_kernel_is_refused(bad):
    with pytest.raises(InputError, match="blur kernel"):
        d.kernels_of(bad, 2)


def test_kernel_files(tmp_path):
    table = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]], np.float64)
    np.save(tmp_path / "a.npy", table)
    np.savetxt(tmp_path / "a.txt", table)
    np.savetxt(tmp_path / "a.csv", table, delimiter=",")
    Image.fromarray((table * 60).astype(np.uint8)).save(tmp_path / "a.png")
    for name in ("a.npy", "a.txt", "a.csv", "a.png"):
        np.testing.assert_allclose(d.read_kernel(tmp_path / name), table / 8, atol=1e-6)
    np.savetxt(tmp_path / "line.txt", np.ones((1, 4)))
    assert d.read_kernel(tmp_path / "line.txt").shape == (5, 5)
    (tmp_path / "b.npy").write_bytes(b"no array")
    with pytest.raises(InputError, match=r"b\.npy cannot be read as a blur kernel"):
        d.read_kernel(tmp_path / "b.npy")


def test_one_kernel_or_one_each():
    assert d.kernels_of(d.gaussian(1), 4).shape == (4, 7, 7)
    with pytest.raises(InputError, match="3 images"):
        d.kernels_of(np.stack([d.gaussian(1)] * 2), 3)


def test_an_unknown_kernel_is_found_from_the_sharp_picture():
    x = to_float(pictures())
    kernels = d.kernels_of(np.stack([d.gaussian(0.8, 2), d.motion(3, 45), d.disk(2.0)]), COUNT)
    noise = np.random.default_rng(0).normal(0, 0.002, x.shape).astype(np.float32)
    start = np.full_like(kernels, 1 / kernels[0].size)
    found = np.asarray(d.fit_kernel(start, x, np.asarray(convolve(kernels, x)) + noise))
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 1, atol=1e-5)
    error = np.abs(found - kernels).sum(axis=(1, 2))
    before = np.abs(start - kernels).sum(axis=(1, 2))
    assert (error < 0.5 * before).all()
