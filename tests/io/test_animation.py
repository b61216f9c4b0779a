"""Moving pictures are read again by Pillow: order, time, endlessness, colours."""

import numpy as np
import pytest
from PIL import Image, ImageSequence

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.animation import save_apng, save_gif


@pytest.fixture(scope="module")
def frames():
    """Three frames of 8x6 pixels, few colours, so that a palette holds all of them."""
    levels = np.random.default_rng(0).integers(0, 4, (3, 6, 8, 3))
    return (80 * levels).astype(np.uint8)


@pytest.mark.parametrize(("save", "suffix"), [(save_gif, "gif"), (save_apng, "apng")])
def test_frames_go_there_and_back(tmp_path, frames, save, suffix):
    path = tmp_path / f"a.{suffix}"
    save(path, frames, fps=20)
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        shown = []
        for frame in ImageSequence.Iterator(image):
            shown.append(np.asarray(frame.convert("RGB")))
            assert image.info["duration"] == 50
    assert len(shown) == 4
    for found, number in zip(shown, (0, 1, 2, 1), strict=True):
        expected = frames[number].repeat(32, 0).repeat(32, 1)
        # 64 colours fit into a palette.
        np.testing.assert_array_equal(found, expected)


def test_what_cannot_move(tmp_path, frames):
    with pytest.raises(InputError, match="two frames"):
        save_gif(tmp_path / "a.gif", frames[:1])
    with pytest.raises(InputError, match="above 0"):
        save_apng(tmp_path / "a.apng", frames, fps=0)
    with pytest.raises(TypeError, match="uint8"):
        save_apng(tmp_path / "a.apng", frames / 2)
    with pytest.raises(InputError, match="does not exist"):
        save_gif(tmp_path / "none" / "a.gif", frames)
