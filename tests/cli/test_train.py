"""``pmsfc train`` as a user runs it on a handful of pictures."""

import numpy as np
import pytest

from pmsfc_jax.io.images import save_png


@pytest.fixture
def few(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "data").mkdir()
    for i in range(6):
        save_png(tmp_path / "data" / f"{i}.png", rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    return tmp_path


def arguments(few, *more):
    small = "--resolution 8 --widths 4 4 --latent-dim 3 --total-images 8 --batch-size 4"
    return ("--data", few / "data", "--run", few / "run", *small.split(), *more)


def test_a_few_pictures_get_a_warning_and_a_generator(pmsfc, few):
    export = few / "weights" / "mine"
    code, _, err = pmsfc("train", *arguments(few, "--export", export), weights=False)
    assert code == 0, err
    assert "6 photographs are few" in err
    code, out, _ = pmsfc("info", export, weights=False)
    assert code == 0
    assert "image 8x8x3" in out
    assert "perceptual network: mine/discriminator" in out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--resolution", "16"), "give one width for each"),
        (("--data", "nowhere"), "nowhere"),
        (("--card", "nowhere.json"), "--card nowhere.json"),
    ],
)
def test_mistakes_are_told_before_the_work(pmsfc, few, more, message):
    code, _, err = pmsfc("train", *arguments(few), *more, weights=False)
    assert code == 2
    assert message in err
    assert not (few / "run").exists()
