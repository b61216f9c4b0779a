import base64
import io

import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.report.embed import data_uri


def read(address):
    kind, data = address.split(";base64,")
    raw = base64.b64decode(data)
    return kind, len(raw), np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))


def noise(side):
    return np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)


def test_a_small_picture_loses_nothing():
    kind, _, picture = read(data_uri(noise(64)))
    assert kind == "data:image/png"
    np.testing.assert_array_equal(picture, noise(64))


def test_a_large_picture_stays_within_its_bytes():
    kind, size, picture = read(data_uri(noise(300), most=40_000))
    assert kind == "data:image/webp"
    assert size <= 40_000
    assert picture.shape[0] in (150, 300)
    smooth = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 256, 0).repeat(3, 2)
    kind, _, picture = read(data_uri(smooth))
    assert kind == "data:image/png"
    # Two hundred pictures of a large page of photographs: under 20 MB as text.
    assert 200 * 64_000 * 4 / 3 < 18e6


def test_what_cannot_be_small_is_as_small_as_can_be():
    _, _, picture = read(data_uri(noise(20), most=1))
    assert picture.shape == (1, 1, 3)


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_no_picture(bad):
    with pytest.raises(InputError, match="uint8"):
        data_uri(bad)
