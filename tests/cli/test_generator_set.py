"""``--generator-set``: settings of a generator that no array hangs on, from command to command."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.api import load_codes
from pmsfc_jax.nn import stylegan2
from pmsfc_jax.nn.stylegan2 import StyleGAN2Config
from pmsfc_jax.weights.store.folder import Network, save_weights

SHORT = ("--method", "single", "--steps", "2", "--optimiser", "adam", "--layer", "2")


@pytest.fixture(scope="module")
def styled(tmp_path_factory):
    """A folder with ``styled``, a StyleGAN2 of 8x8 pictures and four classes."""
    folder = tmp_path_factory.mktemp("styled")
    config = StyleGAN2Config(5, 6, 2, (8, 6), num_classes=4)
    rng = np.random.default_rng(3)
    params = jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype(np.float32),
        stylegan2.pure_module(config).abstract_params,
    )
    network = Network(stylegan2.FAMILY, dataclasses.asdict(config), params)
    save_weights(folder / "styled", {"generator": network})
    return folder


@pytest.fixture
def call(pmsfc, styled):
    return lambda *words: pmsfc(*words, "--weights-dir", styled, weights=False)


def test_what_is_chosen_is_recorded_and_drawn_with_again(call, photos, tmp_path):
    run = tmp_path / "run"
    words = ("invert", photos / "p0.png", "--out", run, "--generator", "styled", *SHORT)
    chosen = ("--generator-set", "latent_space=z", "--generator-set", "label=2", "truncation=0.5")
    code, _, err = call(*words, *chosen)
    assert code == 0, err
    settings = json.loads((run / "config.json").read_text())
    assert settings["generator_settings"] == {"latent_space": "z", "label": 2, "truncation": 0.5}
    assert load_codes(run / "codes" / "p0.npz").codes.latent.shape[-1] == 5
    code, _, err = call("render", run)
    assert code == 0, err
    assert (run / "rendered" / "p0.png").read_bytes() == (run / "images" / "p0.png").read_bytes()
    code, _, err = call(*words)
    assert code == 2
    assert "other settings (--generator-set, the weights of --generator)" in err


def test_samples_are_drawn_with_it(call, tmp_path):
    sheet = tmp_path / "sheet.png"
    words = ("sample", "styled", "--out", sheet, "--num", "4")
    code, _, err = call(*words, "--generator-set", "truncation=0", "label=1")
    assert code == 0, err
    cells = np.asarray(Image.open(sheet)).astype(int)
    first, second = cells[4:12, 4:12], cells[4:12, 16:24]
    assert np.abs(first - second).max() <= 1
    assert call(*words)[0] == 0
    cells = np.asarray(Image.open(sheet)).astype(int)
    assert np.abs(cells[4:12, 4:12] - cells[4:12, 16:24]).max() > 1


def test_info_shows_what_changes(call):
    assert "latent 6, image 8x8x3" in call("info", "styled")[1]
    assert (
        "latent 5, image 8x8x3"
        in call("info", "styled", "--generator-set", "latent_space=z", "label=0")[1]
    )


MISTAKES = [
    ("latent=z", "--generator-set latent=z chooses nothing: write field=value with one of label,"),
    ("label=7", "from 0 to 3 (with --generator-set label=7)"),
    ("label=x", "--generator-set: label is 'x'; it has to be"),
    ("optimise_class=true", "optimise_class of a generator of family stylegan2 cannot be chosen"),
]


@pytest.mark.parametrize(("text", "part"), MISTAKES)
def test_mistakes_are_one_line(call, text, part):
    code, _, err = call("info", "styled", "--generator-set", text)
    assert code == 2
    assert part in err
    assert len(err.splitlines()) == 1
