"""SqueezeNet against an independent one in PyTorch, and against what photographs show."""

import csv

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.squeezenet import (
    _expected_shapes,
    _pool,
    preprocess,
    squeezenet_features,
    squeezenet_params,
)


@pytest.fixture(scope="module")
def arrays():
    """Random weights of the right shapes, scaled so that activations keep their size."""
    rng = np.random.default_rng(0)
    weights = {}
    for name, shape in _expected_shapes().items():
        scale = np.sqrt(2 / np.prod(shape[1:])) if len(shape) == 4 else 0.1
        weights[name] = (rng.standard_normal(shape) * scale).astype(np.float32)
    return weights


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).integers(0, 256, (2, 48, 32, 3), np.uint8)


def test_shapes(arrays, images):
    features = jax.jit(squeezenet_features)(squeezenet_params(arrays), images)
    shapes = [feature.shape for feature in features]
    assert shapes == [(2, 55, 55, 256), (2, 27, 27, 512), (2, 13, 13, 512), (2, 512)]
    assert {feature.dtype for feature in features} == {np.dtype(np.float32)}
    assert all(float(feature.min()) == 0 for feature in features[:3])
    np.testing.assert_allclose(
        features.pooled, np.asarray(features.fire9, np.float64).mean((1, 2)), rtol=1e-5
    )


def test_preprocessing_of_a_flat_picture():
    images = np.broadcast_to(np.array([10, 20, 30], np.uint8), (1, 5, 9, 3))  # red, green, blue
    expected = np.broadcast_to(np.float32([30 - 104, 20 - 117, 10 - 123]), (1, 227, 227, 3))
    np.testing.assert_allclose(preprocess(jnp.asarray(images)), expected, atol=1e-4)


@pytest.mark.parametrize(("size", "pooled"), [(3, 1), (4, 2), (5, 2), (6, 3), (55, 27), (111, 55)])
def test_pooling_rounds_its_size_up(size, pooled):
    values = -np.arange(1, size * size + 1, dtype=np.float32).reshape(1, size, size, 1)
    result = np.asarray(_pool(jnp.asarray(values)))[0, :, :, 0]
    starts = [2 * i for i in range(pooled)]
    expected = [[values[0, y : y + 3, x : x + 3, 0].max() for x in starts] for y in starts]
    np.testing.assert_array_equal(result, expected)


def test_pooling_hands_the_gradient_to_the_largest_under_jit():
    values = jnp.asarray(np.random.default_rng(2).permutation(16).reshape(1, 4, 4, 1), jnp.float32)
    gradient = np.asarray(jax.jit(jax.grad(lambda x: _pool(x).sum()))(values))[0, :, :, 0]
    expected = np.zeros((4, 4))
    for y, x in np.ndindex(2, 2):
        window = np.asarray(values)[0, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3, 0]
        row, column = np.unravel_index(window.argmax(), window.shape)
        expected[2 * y + row, 2 * x + column] += 1
    np.testing.assert_array_equal(gradient, expected)


def test_the_classifier_may_be_there(arrays):
    classifier = {
        "conv_final.weight": np.zeros((1000, 512, 1, 1), np.float32),
        "conv_final.bias": np.zeros(1000, np.float32),
    }
    with_it = squeezenet_params({**arrays, **classifier})
    jax.tree.map(np.testing.assert_array_equal, with_it, squeezenet_params(arrays))


def test_all_faults_of_a_weight_file_are_told_at_once(arrays):
    damaged = dict(arrays)
    del damaged["fire3.conv1x1_2.bias"]
    damaged["conv1.weight"] = damaged["conv1.weight"][:64]
    damaged["fire2.conv1x1_1.bias"] = np.full(16, np.nan, np.float32)
    damaged["fire4.conv1x1_1.bias"] = np.zeros(32, np.int64)
    damaged["fire10.weight"] = np.zeros(3, np.float32)
    with pytest.raises(InputError) as caught:
        squeezenet_params(damaged)
    for fault in (
        "fire3.conv1x1_2.bias is missing",
        "conv1.weight has shape (64, 3, 7, 7), not (96, 3, 7, 7)",
        "fire2.conv1x1_1.bias does not hold finite floats",
        "fire4.conv1x1_1.bias does not hold finite floats",
        "fire10.weight is unknown",
    ):
        assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def torch_features(arrays, images):
    """The same network written in PyTorch's functions, OIHW and NCHW throughout."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    weights = {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}

    def convolve(name, x, **options):
        return functional.conv2d(
            x, weights[name + ".weight"], weights[name + ".bias"], **options
        ).relu()

    def fire(name, x):
        x = convolve(name + ".conv1x1_1", x)
        return torch.cat(
            [convolve(name + ".conv1x1_2", x), convolve(name + ".conv3x3_2", x, padding=1)], 1
        )

    def pool(x):
        return functional.max_pool2d(x, 3, 2, ceil_mode=True)

    x = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    x = functional.interpolate(x, (227, 227), mode="bilinear", align_corners=False, antialias=True)
    x = x.flip(1) - torch.tensor([104.0, 117.0, 123.0])[:, None, None]
    fire4 = fire("fire4", fire("fire3", fire("fire2", pool(convolve("conv1", x, stride=2)))))
    fire8 = fire("fire8", fire("fire7", fire("fire6", fire("fire5", pool(fire4)))))
    fire9 = fire("fire9", pool(fire8))
    maps = [feature.permute(0, 2, 3, 1).numpy() for feature in (fire4, fire8, fire9)]
    return [*maps, fire9.mean((2, 3)).numpy()]


def assert_like_torch(arrays, images):
    expected = torch_features(arrays, images)
    features = jax.jit(squeezenet_features)(squeezenet_params(arrays), images)
    for name, ours, theirs in zip(features._fields, features, expected, strict=True):
        assert ours.shape == theirs.shape, name
        assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max(), name


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(2, 32, 32, 3), (1, 227, 227, 3), (1, 300, 460, 3)])
def test_parity_with_torch(arrays, shape):
    assert_like_torch(arrays, np.random.default_rng(2).integers(0, 256, shape, np.uint8))


@pytest.mark.torch
@pytest.mark.shared
def test_parity_with_torch_on_the_real_weights_and_photographs(shared):
    with np.load(shared / "data" / "perceptual" / "squeezenet1_0.npz") as archive:
        arrays = dict(archive)
    paths = sorted((shared / "data" / "clothing" / "test").glob("*.jpg"))[:4]
    assert_like_torch(arrays, read(paths))


def read(paths):
    pictures = []
    for path in paths:
        with Image.open(path) as image:
            pictures.append(np.asarray(image.convert("RGB")))
    return np.stack(pictures)


@pytest.mark.shared
def test_the_real_network_recognises_shirts(shared):
    # Nothing but the right channel order, mean, padding and pooling makes it do so: with a padded
    # first convolution, swapped channels or no mean the share drops.
    with np.load(shared / "data" / "perceptual" / "squeezenet1_0.npz") as archive:
        arrays = dict(archive)
    with open(shared / "data" / "clothing" / "index.csv", newline="") as file:
        labels = {row["image"]: row["label"] for row in csv.DictReader(file)}
    folder = shared / "data" / "clothing" / "test"
    paths = [path for path in sorted(folder.glob("*.jpg")) if labels[path.stem] == "T-Shirt"][:16]
    features = jax.jit(squeezenet_features)(squeezenet_params(arrays), read(paths))
    kernel = arrays["conv_final.weight"][:, :, 0, 0].T
    scores = np.maximum(np.asarray(features.fire9) @ kernel + arrays["conv_final.bias"], 0)
    scores = scores.mean((1, 2))
    jersey = 610  # "jersey, T-shirt, tee shirt" of the 1000 ImageNet classes
    rank = (scores > scores[:, jersey : jersey + 1]).sum(1)
    assert (rank < 5).mean() >= 0.75
