"""Painted regions: white, or opaque."""

import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.region import read_region


def test_white_is_where(tmp_path):
    grey = np.array([[0, 255, 128]], np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    np.testing.assert_allclose(read_region(tmp_path / "grey.png"), grey / 255, atol=1e-6)


def test_transparency_counts(tmp_path):
    """White ink counts as far as it is opaque; of black ink it is what is opaque that counts."""
    alpha = np.array([[0, 255, 51]], np.uint8)
    for ink, name in ((255, "white"), (0, "black")):
        pixels = np.concatenate([np.full((1, 3, 3), ink, np.uint8), alpha[..., None]], -1)
        Image.fromarray(pixels, "RGBA").save(tmp_path / f"{name}.png")
        found = read_region(tmp_path / f"{name}.png")
        np.testing.assert_allclose(found, [[0, 1, 0.2]], atol=1e-6)


def test_what_is_no_picture(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InputError, match=r"text\.png"):
        read_region(tmp_path / "text.png")
