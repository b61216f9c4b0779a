"""``pmsfc sample``, and the list that ``pmsfc info`` gives."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.api import load_generator, to_uint8
from pmsfc_jax.cli.main import main
from pmsfc_jax.cli.samples import draw_samples
from pmsfc_jax.core.errors import InputError


@pytest.fixture(scope="module")
def prior():
    return load_generator("pggan_tops32")


@pytest.mark.slow
def test_a_seed_draws_the_same_image_whatever_the_others_are(prior):
    generator, params = prior
    images = draw_samples(generator, params, [3, 4, 5])
    np.testing.assert_allclose(draw_samples(generator, params, [4])[0], images[1], atol=1e-5)
    codes = generator.draw(params, jax.random.key(5), 1)
    np.testing.assert_allclose(generator(params, codes)[0], images[2], atol=1e-4)
    with pytest.raises(InputError, match="have no centre: leave out truncation"):
        draw_samples(generator, params, [3], truncation=0.5)


def test_truncation_draws_towards_the_centre(prior):
    plain, params = prior
    ones = jax.tree.map(lambda leaf: jax.numpy.ones(leaf.shape, leaf.dtype), plain.spec.latent)
    generator = dataclasses.replace(plain, centre=lambda params: ones)
    centre = np.asarray(generator(params, ones[None]))[0]
    still = draw_samples(generator, params, [3, 4], truncation=0.0)
    np.testing.assert_allclose(still, np.stack([centre, centre]), atol=1e-4)
    half = draw_samples(generator, params, [3], truncation=0.5)[0]
    code = generator.draw(params, jax.random.key(3), 1)
    np.testing.assert_allclose(half, generator(params, 0.5 * (code + 1))[0], atol=1e-4)


def test_sheets_and_single_pictures(prior, tmp_path, capfd):
    out = tmp_path / "sheet.png"
    assert main(["sample", "pggan_tops32", "--out", str(out), "--num", "3", "--seed", "3"]) == 0
    captured = capfd.readouterr()
    assert captured.out.strip() == str(out)
    assert "3 samples of pggan_tops32 (seeds 3 to 5)" in captured.err
    sheet = np.asarray(Image.open(out))
    expected = to_uint8(draw_samples(*prior, [3, 4, 5]))
    assert sheet.shape == (2 * 36 + 4, 2 * 36 + 4, 3)
    assert np.abs(sheet[4:36, 4:36].astype(int) - expected[0]).max() <= 1
    folder = tmp_path / "pictures"
    command = ["sample", "pggan_tops32", "--out", str(folder), "--seeds", "9", "4", "--separate"]
    assert main(command) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["seed4.png", "seed9.png"]
    four = np.asarray(Image.open(folder / "seed4.png")).astype(int)
    assert np.abs(four - expected[1]).max() <= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--num", "0"], "--num is 0: give a whole number of at least 1"),
        (["--seed", "-1"], "--seed is -1: give a whole number from 0"),
        (["--seeds", "3", "-1"], "--seeds are numbers from 0"),
        (["--truncation", "2"], "--truncation is 2.0"),
    ],
)
def test_mistakes_are_one_line(tmp_path, capfd, words, message):
    command = ["sample", "pggan_tops32", "--out", str(tmp_path / "x.png"), *words]
    assert main(command) == 2
    assert message in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_info_alone_lists_what_there_is(tmp_path, capfd):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "manifest.json").write_text(json.dumps({"format_version": 1}))
    assert main(["info", "--weights-dir", str(tmp_path)]) == 0
    captured = capfd.readouterr()
    (line,) = [line for line in captured.out.splitlines() if line.startswith("pggan_tops32 ")]
    assert "pggan, pggan_discriminator" in line
    assert "32x32" in line
    assert "broken is left out:" in captured.err
