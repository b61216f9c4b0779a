import io

import jax
import numpy as np
import pytest
from PIL import Image
from scipy import fft

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float
from pmsfc_jax.tasks import degradations as d
from pmsfc_jax.tasks.degradations.jpeg import _coefficients, _plane
from pmsfc_jax.tasks.degradations.jpeg_tables import SUBSAMPLINGS
from tests.tasks.degradations.cases import pictures


def _picture(height=35, width=43, first=0):
    """``[height, width, 3]`` with edges; by default no side is a multiple of blocks."""
    rows = [np.concatenate(list(pictures(first + seed)), axis=1) for seed in range(3)]
    return np.concatenate(rows)[:height, :width]


def test_the_transform_is_scipys():
    plane = np.random.default_rng(0).normal(size=(2, 16, 24)).astype(np.float32)
    blocks = plane.reshape(2, 2, 8, 3, 8).transpose(0, 1, 3, 2, 4)
    found = _coefficients(plane)
    expected = fft.dctn(blocks, axes=(3, 4), norm="ortho")
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-5)
    np.testing.assert_allclose(np.asarray(_plane(found, (16, 24))), plane, atol=1e-5)


@pytest.mark.parametrize("quality", [10, 30, 90])
@pytest.mark.parametrize("kind", SUBSAMPLINGS)
def test_the_model_is_what_pillow_writes_and_reads(quality, kind):
    image = _picture()
    tables = d.tables_of(d.compression_of_quality(quality, kind), 1)
    y = np.asarray(jax.jit(d.jpeg(kind).operator.apply)(tables, to_float(image[None])))
    levels = (y[0] + 1) * 127.5
    expected = d.jpeg(kind).simulate(tables, image[None], np.random.default_rng(0))[0]
    written = np.abs(image.astype(float) - expected).mean()
    # Both round in many places, here and there differently: what matters is how far the model is
    # from the file, as against how far the file is from the picture.
    assert np.abs(levels - expected).mean() < 0.08 * written + 0.7


def test_simulating_with_tables_is_saving_with_the_quality():
    image = _picture()
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=30, subsampling=2)
    expected = np.asarray(Image.open(file))
    tables = d.tables_of(d.compression_of_quality(30), 1)
    ours = d.jpeg().simulate(tables, image[None], np.random.default_rng(0))[0]
    np.testing.assert_array_equal(ours, expected)


def test_the_users_file_says_how_it_was_compressed(tmp_path):
    path = tmp_path / "photograph.jpg"
    Image.fromarray(_picture()).save(path, quality=37, subsampling=1)
    found, expected = d.compression_of_file(path), d.compression_of_quality(37, "4:2:2")
    np.testing.assert_array_equal(found.tables, expected.tables)
    assert found.subsampling == "4:2:2"
    Image.fromarray(_picture()).convert("L").save(tmp_path / "grey.jpg", quality=37)
    grey = d.compression_of_file(tmp_path / "grey.jpg")
    np.testing.assert_array_equal(grey.tables[0], expected.tables[0])
    Image.fromarray(_picture()).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="is a PNG file: only a JPEG says"):
        d.compression_of_file(tmp_path / "a.png")
    with pytest.raises(InputError, match="qualities are 1 to 95"):
        d.compression_of_quality(100)
    with pytest.raises(InputError, match="different ways"):
        d.tables_of([d.compression_of_quality(5, kind) for kind in SUBSAMPLINGS], 3)


def test_what_is_put_back_lies_in_the_intervals_of_the_file():
    image = _picture(16, 32)[None]
    tables = d.tables_of(d.compression_of_quality(15), 1)
    jpeg = d.jpeg()
    y = to_float(jpeg.simulate(tables, image, np.random.default_rng(0)))
    other = to_float(_picture(16, 32, first=5)[None])
    finished = np.asarray(jax.jit(jpeg.finish)(tables, y, other))
    apply = jax.jit(jpeg.operator.apply)
    again, before = np.asarray(apply(tables, finished)), np.asarray(apply(tables, other))
    assert np.square(again - y).mean() < 0.01 * np.square(before - y).mean()
