"""LPIPS against the original's distances on the original's images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.solvers.curvature import push_forward
from pmsfc_jax.metrics import lpips
from pmsfc_jax.metrics.lpips import (
    feature_maps,
    layer_distances,
    lpips_distance,
    lpips_params,
)
from pmsfc_jax.weights.reader.checkpoint import read_checkpoint
from tests.weights.conversion import TOLERANCE, converted, error
from tests.weights.native_judges import draw_vgg

WIDTHS = (2, 3, 4, 2, 3)


@pytest.fixture(scope="module")
def params():
    rng = np.random.default_rng(0)
    heads = {f"lin{k}.model.1.weight": rng.random((1, w, 1, 1)) for k, w in enumerate(WIDTHS)}
    return lpips_params(converted(draw_vgg(WIDTHS)).params, converted(heads).params)


def pictures(number, side=24):
    return np.random.default_rng(number).integers(0, 256, (number, side, side, 3), np.uint8)


@pytest.fixture(scope="module")
def original(shared):
    folder = shared / "checkpoints" / "vgg16_torchvision_lpips"
    vgg = converted(read_checkpoint(folder / "vgg16_features_conv1_1-conv3_3.pth").tree).params
    heads = converted(read_checkpoint(folder / "lpips_vgg.pth").tree).params
    io = np.load(folder / "io.npz")
    pair = [jnp.asarray(io[name].transpose(0, 2, 3, 1)) for name in ("x", "y")]
    return vgg, heads, pair, io


@pytest.mark.shared
def test_distances_of_the_original(original):
    vgg, heads, pair, io = original
    layers = layer_distances(lpips_params(vgg, heads, num_layers=3), *pair)
    assert error(np.asarray(layers), io["lpips_per_layer"]) < TOLERANCE
    assert error(np.asarray(layers.sum(1)), io["lpips_sum3"]) < TOLERANCE


@pytest.mark.shared
@pytest.mark.parametrize("undone", ["input", "unit length", "heads"])
def test_undone_handling_shows(original, monkeypatch, undone):
    vgg, heads, pair, io = original
    if undone == "input":
        monkeypatch.setattr(lpips, "standardise", lambda x: x)
    elif undone == "unit length":
        monkeypatch.setattr(lpips, "_unit", lambda f: f / jnp.sqrt((f**2).mean(-1, keepdims=True)))
    else:
        heads = {name: {"weight": jnp.ones_like(h["weight"])} for name, h in heads.items()}
    layers = layer_distances(lpips_params(vgg, heads, num_layers=3), *pair)
    assert error(np.asarray(layers), io["lpips_per_layer"]) > 0.02


@pytest.mark.shared
def test_a_network_that_ends_early_is_not_lpips(original):
    vgg, heads, _, _ = original
    with pytest.raises(InputError, match="ends before relu5_3"):
        lpips_params(vgg, heads)


@pytest.mark.slow
def test_pictures_in_any_number(params, monkeypatch):
    monkeypatch.setattr(lpips, "CHUNK", 2)
    a, b = pictures(3), pictures(3)[::-1]
    together = np.asarray(lpips_distance(params, a, b))
    assert together.shape == (3,)
    for i in range(3):
        alone = np.asarray(lpips_distance(params, a[i : i + 1], b[i : i + 1]))
        np.testing.assert_allclose(alone[0], together[i], rtol=1e-4, atol=1e-6)
    scaled = [jnp.asarray(x, jnp.float32) / 127.5 - 1 for x in (a, b)]
    np.testing.assert_allclose(
        layer_distances(params, *scaled).sum(1), together, rtol=1e-4, atol=1e-6
    )


def test_equal_pictures_are_at_no_distance_and_order_does_not_matter(params):
    a, b = pictures(2), pictures(2)[::-1]
    np.testing.assert_allclose(lpips_distance(params, a, a), [0, 0], atol=1e-12)
    there, back = lpips_distance(params, a, b), lpips_distance(params, b, a)
    np.testing.assert_allclose(there, back, rtol=1e-5)
    assert float(there.min()) > 0


def test_a_flat_picture_has_a_finite_distance(params):
    black = np.zeros((1, 16, 16, 3), np.uint8)
    assert np.isfinite(lpips_distance(params, black, black + 255)).all()


def test_the_mean_squared_difference_of_the_maps_is_the_distance(params):
    """Against the formula of the paper, written out in float64."""
    a, b = (jnp.asarray(x, jnp.float32) / 127.5 - 1 for x in (pictures(2), pictures(2)[::-1]))
    maps = [[np.asarray(m, np.float64) for m in feature_maps(params, x)] for x in (a, b)]
    found = np.mean([((p - q) ** 2).mean((1, 2, 3)) for p, q in zip(*maps, strict=True)], axis=0)
    expected = 0
    outputs = [lpips.block_outputs(params["vgg"], lpips.standardise(x), 5) for x in (a, b)]
    for k, pair in enumerate(zip(*outputs, strict=True)):
        p, q = (np.asarray(f, np.float64) for f in pair)
        p, q = (f / (np.linalg.norm(f, axis=-1, keepdims=True) + 1e-10) for f in (p, q))
        head = np.asarray(params["heads"][f"lin{k}"]["weight"], np.float64)
        expected = expected + ((p - q) ** 2 @ head).mean((1, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.slow
def test_dead_features_leave_both_derivatives_finite(params):
    vgg = {name: dict(layer) for name, layer in params["vgg"].items()}
    vgg["conv3_3"]["bias"] = vgg["conv3_3"]["bias"] - 1e3  # no feature of this block is alive
    dead = params | {"vgg": vgg}

    x = jnp.asarray(pictures(1), jnp.float32) / 127.5 - 1
    values, pull = jax.vjp(lambda x: tuple(feature_maps(dead, x)), x)
    assert not np.asarray(values[2]).any()
    gradient = np.asarray(pull(values)[0])
    changes = push_forward(pull, values)(jnp.ones_like(x))  # as the Gauss-Newton solvers do
    for found in (gradient, *map(np.asarray, changes)):
        assert np.isfinite(found).all()
    assert gradient.any()


def test_images_and_networks_that_do_not_fit(params):
    with pytest.raises(InputError):
        lpips_distance(params, pictures(2), pictures(1))
    with pytest.raises(InputError):
        lpips_distance(params, pictures(1).astype(np.float32), pictures(1))
    heads = {name: dict(head) for name, head in params["heads"].items()}
    with pytest.raises(InputError, match="relu5_3 has 3 channels and wants as many weights"):
        lpips_params(params["vgg"], {k: v for k, v in heads.items() if k != "lin4"})
    with pytest.raises(InputError, match="there is one of 7"):
        lpips_params(params["vgg"], heads | {"lin2": {"weight": jnp.ones(7)}})
    with pytest.raises(InputError, match="more layers than VGG16"):
        lpips_params(params["vgg"], heads | {"lin5": {"weight": jnp.ones(7)}})
    with pytest.raises(InputError, match="relu3_3 has weights below 0"):
        lpips_params(params["vgg"], heads | {"lin2": {"weight": -heads["lin2"]["weight"]}})
