import numpy as np
import pytest
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.evaluation.baselines import baselines, mean_chroma
from pmsfc_jax.metrics.image_metrics import psnr
from pmsfc_jax.tasks import degradations as d

SHAPE = (32, 32, 3)


@pytest.fixture(scope="module")
def photographs():
    """Two smooth pictures ``[2, 32, 32, 3]`` uint8 with an edge."""
    rows, columns = np.mgrid[0:32, 0:32]
    phase = np.arange(3)
    levels = 128 + 80 * np.sin(rows[..., None] / 7 + phase) * np.cos(columns[..., None] / 9)
    other = np.where(rows[..., None] + columns[..., None] > 30, levels, 255 - levels)
    return np.stack([levels, other]).round().astype(np.uint8)


def _scores(degradation, operands, photographs):
    observed = d.observe(degradation, operands, photographs, np.random.default_rng(0))
    found = {name: f(observed) for name, f in baselines(degradation, SHAPE).items()}
    for name, pictures in found.items():
        assert pictures.shape == photographs.shape, name
        assert pictures.dtype == np.uint8
    return {name: float(np.mean(psnr(photographs, p))) for name, p in found.items()}


@pytest.fixture
def bench():
    for module in ("skimage", "cv2", "scipy", "pywt"):
        pytest.importorskip(module)


def test_small_pictures_are_enlarged_and_projected_back(photographs):
    scores = _scores(d.downsample((8, 8)), (), photographs)
    assert list(scores) == ["nearest", "bicubic", "lanczos", "bicubic, back-projected"]
    assert scores["nearest"] < scores["bicubic"] < scores["bicubic, back-projected"]


def test_nearest_is_pillows(photographs):
    observed = d.observe(d.downsample((7, 9)), (), photographs, np.random.default_rng(0))
    ours = baselines(d.downsample((7, 9)), SHAPE)["nearest"](observed)[0]
    small = d.downsample((7, 9)).simulate((), photographs, np.random.default_rng(0))[0]
    theirs = Image.fromarray(small).resize((32, 32), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(ours, np.asarray(theirs))


def test_holes_are_filled_from_their_surroundings(bench, photographs):
    rng = np.random.default_rng(0)
    known = d.known_where(d.missing_pixels(32, 32, 0.7, rng), 2)
    scores = _scores(d.mask(), known, photographs)
    assert min(scores, key=scores.get) == "mean colour"
    assert scores["linear"] > scores["mean colour"] + 8
    observed = d.observe(d.mask(), known, photographs, rng)
    for name, baseline in baselines(d.mask(), SHAPE).items():
        kept = np.where(known == 1, baseline(observed), photographs)
        np.testing.assert_array_equal(kept, photographs, name)


def test_noise_is_filtered_by_its_level(bench, photographs):
    scores = _scores(d.noise(), d.sigmas_of(np.array([15.0, 25.0]), 2), photographs)
    assert min(scores, key=scores.get) == "as it is"
    for name in ("total variation", "non-local means", "wavelets"):
        assert scores[name] > scores["as it is"] + 3


def test_blur_is_undone_and_jpeg_smoothed(bench, photographs):
    scores = _scores(d.blur(), d.kernels_of(d.gaussian(1.5), 2), photographs)
    assert min(scores, key=scores.get) == "as it is"
    tables = d.tables_of(d.compression_of_quality(10), 2)
    scores = _scores(d.jpeg(), tables, photographs)
    assert scores["total variation"] > scores["as it is"]


def test_a_chain_has_its_simple_inverse(bench, photographs):
    both = d.chain(d.downsample((16, 16)), d.noise())
    scores = _scores(both, ((), d.sigmas_of(15, 2)), photographs)
    assert scores["total variation"] > scores["simple inverse"]


def test_grey_and_the_mean_chroma_of_training_photographs(photographs):
    scores = _scores(d.grey(), (), photographs)
    assert list(scores) == ["grey itself"]
    observed = d.observe(d.grey(), (), photographs[:1], np.random.default_rng(0))
    coloured = mean_chroma(photographs[:1], observed)
    # Its own chroma gives the picture back.
    assert np.abs(coloured.astype(int) - photographs[:1]).max() <= 1


def test_a_missing_package_is_named(monkeypatch, photographs):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", absent)
    observed = d.observe(d.noise(), d.sigmas_of(15, 2), photographs, np.random.default_rng(0))
    with pytest.raises(InputError, match=r"needs skimage: install the extra.*bench"):
        baselines(d.noise(), SHAPE)["total variation"](observed)
