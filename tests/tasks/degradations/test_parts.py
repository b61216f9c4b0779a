"""Grey, masks, noise, clipping, chains, and functions of the user's own."""

import sys

import jax
import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float
from pmsfc_jax.tasks import degradations as d
from tests.tasks.degradations.cases import pictures

RNG = np.random.default_rng(0)


def test_grey_is_pillows_luma_and_putting_it_back_keeps_chroma():
    images = pictures()
    ours = d.grey().simulate((), images, RNG)[..., 0]
    theirs = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images])
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    y, x = to_float(ours[..., None]), to_float(pictures(4))
    finished = np.asarray(d.grey().finish((), y, x))
    for a, b in ((0, 1), (1, 2)):
        np.testing.assert_allclose(
            finished[..., a] - finished[..., b], x[..., a] - x[..., b], atol=1e-5
        )


def test_masks_say_what_is_wrong_with_them():
    hole = np.zeros((4, 6), np.uint8)
    with pytest.raises(InputError, match="mask 0 has no hole: white"):
        d.known_where(hole, 1)
    with pytest.raises(InputError, match="mask 0 hides the whole picture"):
        d.known_where(hole + 255, 1)
    hole[1:3, 2:4] = 255
    known = d.known_where(hole, 2)
    assert known.shape == (2, 4, 6, 1)
    assert known[0].sum() == 20
    with pytest.raises(InputError, match="outside 0 to 1"):
        d.known_where(hole.astype(float), 1)


def test_holes_have_their_size():
    assert d.centre_hole(32, 32, 0.5).sum() == 256
    assert d.centre_hole(32, 32, 0.5)[8:24, 8:24].all()
    assert d.missing_pixels(10, 10, 0.9, RNG).sum() == 90
    share = d.strokes(64, 64, 0.2, RNG).mean()
    assert 0.2 <= share < 0.35


def test_sigma_is_counted_in_grey_levels():
    np.testing.assert_allclose(d.sigmas_of(25.5, 3), 0.2, rtol=1e-6)
    with pytest.raises(InputError, match=r"sigma is 0\.1: it is counted in grey levels"):
        d.sigmas_of(0.1, 1)
    with pytest.raises(InputError, match="sigma is 300"):
        d.sigmas_of(np.array([20.0, 300]), 2)


def test_simulated_noise_has_its_sigma_and_the_estimate_finds_it():
    rows, columns = np.mgrid[0:64, 0:64]
    smooth = 128 + 60 * np.sin(rows / 9) * np.cos(columns / 7)
    images = np.broadcast_to(smooth[None, ..., None], (3, 64, 64, 3)).astype(np.uint8)
    sigmas = np.array([5.0, 15, 30])
    noisy = d.noise().simulate(d.sigmas_of(sigmas, 3), images, np.random.default_rng(1))
    found = (noisy.astype(float) - images).std(axis=(1, 2, 3))
    np.testing.assert_allclose(found, sigmas, rtol=0.05)
    np.testing.assert_allclose(d.estimate_sigma(noisy), sigmas, rtol=0.08)
    assert d.estimate_sigma(images).max() < 1


def test_clipped_where_flat_a_restored_picture_may_go_beyond():
    y = np.array([[-0.5, 0.0, 0.5]], np.float32).reshape(1, 1, 3, 1)
    degradation = d.clip(64, 191)
    limit = np.float32(191 / 127.5 - 1)
    y[0, 0, 2] = limit
    x = np.array([[-0.9, 0.3, 0.9]], np.float32).reshape(1, 1, 3, 1)
    finished = np.asarray(degradation.finish((), y, x)).ravel()
    np.testing.assert_allclose(finished, [-0.9, 0.0, 0.9], atol=1e-6)
    with pytest.raises(InputError, match="two rising levels"):
        d.clip(200, 100)


def test_a_chain_is_its_links_one_after_another():
    x = to_float(pictures())
    kernel = d.kernels_of(d.gaussian(1), len(x))
    both = d.chain(d.blur(), d.grey())
    expected = d.grey().operator.apply((), d.blur().operator.apply(kernel, x))
    np.testing.assert_array_equal(both.operator.apply((kernel, ()), x), expected)
    assert both.operator.name == "blur+grey"
    with pytest.raises(InputError, match="mask comes before downsample: it speaks of pixels"):
        d.chain(d.mask(), d.downsample((4, 4)))
    with pytest.raises(InputError, match="no degradations"):
        d.chain()


def test_a_chain_knows_its_noise_where_nothing_mixes_it():
    sigma = d.sigmas_of(20, 2)
    assert d.chain(d.grey(), d.noise()).operator.noise(((), sigma)) == pytest.approx(sigma)
    assert d.chain(d.noise(), d.downsample((4, 4))).operator.noise((sigma, ())) is None
    assert d.chain(d.grey(), d.clip()).operator.noise(((), ())) is None
    twice = d.chain(d.noise(), d.noise()).operator.noise((sigma, sigma))
    np.testing.assert_allclose(twice, np.sqrt(2) * sigma, rtol=1e-6)


def test_a_function_of_the_users_own(tmp_path, monkeypatch):
    (tmp_path / "my_camera.py").write_text(
        "import jax.numpy as jnp\n"
        "from pmsfc_jax.tasks import degradations as d\n"
        "def faded(x):\n    return 0.5 * x[:, ::2, ::2] + 0.25\n"
        "small_grey = d.chain(d.grey(), d.downsample((4, 4)))\n"
        "flat = lambda x: x.mean()\n"
        "number = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    faded = d.load_degradation("my_camera:faded")
    assert faded.operator.shape((12, 18, 3)) == (6, 9, 3)
    assert faded == d.load_degradation("my_camera:faded")
    assert faded != d.degradation_of(lambda x: x, "my_camera:faded")
    assert repr(faded.operator.settings) == "(my_camera:faded,)"
    y = faded.operator.apply((), to_float(pictures()))
    inverse = np.asarray(jax.jit(faded.dagger, static_argnums=2)((), y, (12, 18, 3)))
    np.testing.assert_allclose(faded.operator.apply((), inverse), y, atol=0.05)
    assert d.load_degradation("my_camera:small_grey").operator.name == "grey+downsample"
    for where, message in [
        ("my_camera", "write module:NAME"),
        ("my_camera:absent", "has no absent"),
        ("no_such_module:f", "cannot import no_such_module"),
        ("my_camera:number", "is a int: expected a function"),
    ]:
        with pytest.raises(InputError, match=message):
            d.load_degradation(where)
    with pytest.raises(InputError, match=r"gives an array of shape \(\) for one picture"):
        d.load_degradation("my_camera:flat").operator.shape((12, 18, 3))
    with pytest.raises(InputError, match="my_camera:faded fails on pictures"):
        d.degradation_of(lambda x: x @ x, "my_camera:faded").operator.shape((12, 18, 3))
    sys.modules.pop("my_camera")
