import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageFilter

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.metrics import load_squeezenet, perceptual, perceptual_distance, perceptual_embedding
from pmsfc_jax.nn.squeezenet import _expected_shapes, squeezenet_features, squeezenet_params

features = jax.jit(squeezenet_features)


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    return {
        name: (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]) / 2)).astype(np.float32)
        for name, shape in _expected_shapes().items()
    }


@pytest.fixture(scope="module")
def file(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "squeezenet.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def params(file):
    return load_squeezenet(file)


def noise(number, seed=0, side=24):
    return np.random.default_rng(seed).integers(0, 256, (number, side, side, 3), np.uint8)


def distance_float64(params, a, b):
    """The equation at the top of the module, in float64 with cosines instead of differences."""
    total = 0
    for layer in ("fire4", "fire8"):
        x, y = (
            np.asarray(getattr(features(params, images), layer), np.float64) for images in (a, b)
        )
        cosine = (x * y).sum(-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(y, axis=-1)
        total = total + (2 - 2 * cosine).mean((1, 2)) / 2
    return total


def test_against_the_equation_in_float64(params):
    a, b = noise(2, 1), noise(2, 2)
    distance = perceptual_distance(params, a, b)
    assert distance.shape == (2,)
    np.testing.assert_allclose(distance, distance_float64(params, a, b), rtol=1e-4)


def test_identical_pictures_are_at_zero_and_order_does_not_matter(params):
    a, b = noise(2, 1), noise(2, 2)
    np.testing.assert_array_equal(perceptual_distance(params, a, a), np.zeros(2, np.float32))
    forth, back = perceptual_distance(params, a, b), perceptual_distance(params, b, a)
    np.testing.assert_allclose(forth, back, rtol=1e-6)
    assert (np.asarray(forth) > 0).all()
    assert (np.asarray(forth) < 2).all()


def test_dead_features_do_not_divide_by_zero(arrays):
    # With no weights and no bias every feature is zero, of length zero.
    dead = squeezenet_params({name: np.zeros_like(array) for name, array in arrays.items()})
    np.testing.assert_array_equal(perceptual_distance(dead, noise(2, 1), noise(2, 2)), [0, 0])


def test_any_number_of_images_in_a_few_programs(params, monkeypatch):
    monkeypatch.setattr(perceptual, "CHUNK", 4)
    a, b = noise(7, 3), noise(7, 4)
    before = perceptual._distance._cache_size()
    together = perceptual_distance(params, a, b)
    assert together.shape == (7,)
    assert perceptual._distance._cache_size() == before + 1  # the rest of three was filled up
    pairs = [perceptual_distance(params, a[i : i + 2], b[i : i + 2]) for i in (0, 2, 4)]
    pairs.append(perceptual_distance(params, jnp.asarray(a[5:]), jnp.asarray(b[5:])))
    expected = np.concatenate(pairs)[[0, 1, 2, 3, 4, 5, 7]]
    np.testing.assert_allclose(together, expected, rtol=1e-5)


def test_embedding_is_the_mean_of_fire9(params):
    images = noise(2, 5)
    embedding = perceptual_embedding(params, images)
    assert embedding.shape == (2, 512)
    fire9 = features(params, images).fire9
    expected = np.asarray(fire9, np.float64).mean((1, 2))
    np.testing.assert_allclose(embedding, expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_wrong_images_are_told(params):
    good = noise(2)
    with pytest.raises(InputError, match="not float32"):
        perceptual_distance(params, good.astype(np.float32), good)
    with pytest.raises(InputError, match="differ in shape"):
        perceptual_distance(params, good, good[:1])
    with pytest.raises(InputError, match="not shape"):
        perceptual_embedding(params, good[0])


def test_wrong_weight_files_are_told(tmp_path, arrays, file):
    with pytest.raises(InputError, match=r"absent\.npz: No such file"):
        load_squeezenet(tmp_path / "absent.npz")
    with pytest.raises(InputError, match="Is a directory"):
        load_squeezenet(tmp_path)
    data = file.read_bytes()
    contents = {
        "empty": b"",
        "text": b"hello",
        "truncated": data[: len(data) // 2],
        "flipped": data[:5000] + bytes([data[5000] ^ 255]) + data[5001:],
    }
    for name, content in contents.items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}\.npz is not an intact \.npz archive"):
            load_squeezenet(path)
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(InputError, match="a single array"):
        load_squeezenet(tmp_path / "single.npy")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(InputError, match=r"other\.npz: these are not the weights .* x is unknown"):
        load_squeezenet(tmp_path / "other.npz")


def test_pickled_weights_are_refused_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "sprung"), "w")

    trapped = np.empty(1, object)
    trapped[0] = Trap()
    np.savez(tmp_path / "x.npz", trapped)
    with pytest.raises(InputError, match="not an intact"):
        load_squeezenet(tmp_path / "x.npz")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.shared
def test_the_real_network_ranks_damage_as_people_do(shared):
    params = load_squeezenet(shared / "data" / "perceptual" / "squeezenet1_0.npz")
    paths = sorted((shared / "data" / "clothing" / "test").glob("*.jpg"))[:4]
    versions = {"slight": [], "same": [], "blurred": [], "very blurred": []}
    for path in paths:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        versions["same"].append(image)
        versions["slight"].append(image.point(lambda level: min(level + 4, 255)))
        versions["blurred"].append(image.filter(ImageFilter.GaussianBlur(1)))
        versions["very blurred"].append(image.filter(ImageFilter.GaussianBlur(4)))
    stacks = {name: np.stack(pictures) for name, pictures in versions.items()}
    slight, blurred, worse, other = (
        np.asarray(perceptual_distance(params, stacks["same"], b))
        for b in (
            stacks["slight"],
            stacks["blurred"],
            stacks["very blurred"],
            np.roll(stacks["same"], 1, 0),
        )
    )
    assert (slight < blurred).all()
    assert (blurred < worse).all()
    assert (worse < other).all()
