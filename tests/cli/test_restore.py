"""``pmsfc restore``: what comes out, that it goes on to the bit, and mistakes in one sentence."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import pmsfc_jax as pm
from pmsfc_jax.cli.restore import work as work_file
from pmsfc_jax.inversion import run_batch
from tests.cli.test_streaming import narrow

SHORT = ("--generator", "plain", "--layer", "2", "--codes", "2", "--steps", "10")
SHORT += ("--samples", "2", "--pilot", "2", "--batch-size", "2")


def scene(seed):
    """A smooth colourful picture of 16x16."""
    y, x = np.mgrid[0:16, 0:16] / 16
    waves = [np.sin(3 * x + seed + c) * np.cos(4 * y + seed * c) for c in range(3)]
    return (127.5 + 100 * np.stack(waves, -1)).astype(np.uint8)


def picture(path):
    return np.asarray(Image.open(path).convert("RGB"))


def rows_of(run):
    with (run / "metrics.csv").open() as file:
        return {row["image"]: row for row in csv.DictReader(file)}


def contents(run):
    """Bytes of all results; the table without its times, which the page tells, too."""
    others = (".lock", "config.json", "metrics.csv", "report.html")
    files = {
        path.relative_to(run): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in others
    }
    return files, {
        name: {key: value for key, value in row.items() if key != "seconds"}
        for name, row in rows_of(run).items()
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """``clean`` pictures a, b and c, and the same ``small``, ``grey`` and ``holed``."""
    root = tmp_path_factory.mktemp("lost")
    hole = np.zeros((16, 16), np.uint8)
    hole[4:10, 5:12] = 255
    for name in ("clean", "small", "grey", "holed", "mixed"):
        (root / name).mkdir()
    for seed, name in enumerate("abc"):
        image = Image.fromarray(scene(seed))
        image.save(root / "clean" / f"{name}.png")
        image.resize((8, 8), Image.Resampling.BICUBIC).save(root / "small" / f"{name}.png")
        image.convert("L").save(root / "grey" / f"{name}.png")
        holed = image.copy()
        holed.putalpha(Image.fromarray(255 - hole))
        holed.save(root / "holed" / f"{name}.png")
    Image.fromarray(hole).save(root / "hole.png")
    return root


@pytest.fixture
def restore(pmsfc):
    def call(photos, task, out, *more, short=SHORT):
        return pmsfc("restore", photos, "--task", task, "--out", out, *short, *more)

    return call


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("restored")


@pytest.fixture
def small_run(restore, folder, runs):
    """A finished run of the small pictures, measured by the clean ones."""
    run = runs / "small"
    if not run.exists():
        code, _, err = restore(folder / "small", "super", run, "--truth", folder / "clean")
        assert code == 0, err
    return run


def test_everything_comes_out(small_run, folder):
    for name in "abc":
        restored = picture(small_run / f"restored/{name}.png")
        given = picture(folder / f"small/{name}.png")
        assert restored.shape == (16, 16, 3)
        again = Image.fromarray(restored).resize((8, 8), Image.Resampling.BICUBIC)
        # What was given is put back; only where black or white is crossed it is cut off.
        assert np.median(np.abs(np.asarray(again, int) - given)) <= 1
        samples = [picture(small_run / f"samples/{name}-{i}.png") for i in (1, 2)]
        mean = np.mean([np.float64(sample) for sample in samples], axis=0)
        inside = np.all([(s > 0) & (s < 255) for s in samples], axis=0)
        assert inside.any()
        assert np.abs(mean - restored)[inside].max() <= 1
        levels = np.load(small_run / f"uncertainty/{name}.npy")
        shown = picture(small_run / f"uncertainty/{name}.png")[..., 0]
        np.testing.assert_allclose(shown, np.clip(4 * levels, 0, 255), atol=0.51)
        row = rows_of(small_run)[name]
        truth = np.float64(picture(folder / f"clean/{name}.png"))
        for column, made in (("psnr_db", restored), ("simple_psnr_db", None)):
            made = picture(small_run / f"baseline/{name}.png") if made is None else made
            by_hand = 20 * np.log10(255 / np.sqrt(np.mean((truth - made) ** 2)))
            assert float(row[column]) == pytest.approx(by_hand, abs=2e-3)
        assert float(row["uncertainty"]) == pytest.approx(levels.mean(), abs=1e-3)
        assert (row["task"], row["given"], row["layer"]) == ("super", "8x8", "2")
    assert picture(small_run / "sheet.png").shape[1] > 5 * 160
    page = (small_run / "report.html").read_text()
    assert page.count('class="compare"') == 3
    assert "pmsfc restore" in page


def test_the_codes_of_samples_are_drawn_by_render(small_run, pmsfc):
    code, _, err = pmsfc("render", small_run)
    assert code == 0, err
    names = {path.stem for path in (small_run / "rendered").glob("*.png")}
    assert names == {f"{name}-{i}" for name in "abc" for i in (1, 2)}


def test_what_is_finished_is_kept(restore, folder, small_run):
    before = contents(small_run)
    words = (folder / "small", "super", small_run, "--truth", folder / "clean", "--json")
    code, out, err = restore(*words)
    assert code == 0, err
    events = [json.loads(line) for line in out.splitlines()]
    assert {event["event"] for event in events} == {"taken", "started", "done"}
    assert events[-2]["finished_before"] == 3
    assert contents(small_run) == before
    (small_run / "codes/b-2.npz").unlink()
    (small_run / "restored/b.png").write_bytes(b"")
    code, out, err = restore(*words)
    assert code == 0, err
    images = [json.loads(line) for line in out.splitlines() if '"image"' in line]
    done = [event for event in images if event["event"] == "image"]
    assert [event["image"] for event in done] == ["b"]
    assert isinstance(done[0]["psnr_db"], float)
    assert contents(small_run) == before


def test_stopped_anywhere_it_gives_the_same_bits(restore, folder, small_run, tmp_path, monkeypatch):
    """In the pilot, in a batch, and between a batch and its files."""
    run = tmp_path / "run"
    words = (folder / "small", "super", run, "--truth", folder / "clean")
    words += ("--save-every-seconds", "0")

    class Killed(BaseException):
        pass

    def deadly(function, calls):
        def call(*arguments, **settings):
            nonlocal calls
            calls -= 1
            if calls < 0:
                raise Killed
            return function(*arguments, **settings)

        return call

    stops = [(run_batch, "advance", 0), (run_batch, "advance", 1), (work_file, "save", 1)]
    for module, name, calls in stops:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, deadly(getattr(module, name), calls))
            with pytest.raises(Killed):
                restore(*words)
    code, _, err = restore(*words)
    assert code == 0, err
    assert "2 photographs were finished before and are kept" in err
    files, table = contents(run)
    rendered = {path for path in contents(small_run)[0] if path.parts[0] == "rendered"}
    whole, whole_table = contents(small_run)
    assert table == whole_table
    assert files == {path: data for path, data in whole.items() if path not in rendered}


def test_a_hole_by_mask_is_the_hole_by_transparency(restore, folder, runs):
    code, _, err = restore(folder / "holed" / "a.png", "auto", runs / "alpha")
    assert code == 0, err
    assert "a: inpaint (16x16 pixels, 16 % hidden)" in err
    mask = ("--mask", folder / "hole.png")
    code, _, err = restore(folder / "clean" / "a.png", "inpaint", runs / "mask", *mask)
    assert code == 0, err
    clean = picture(folder / "clean/a.png")
    known = picture(folder / "hole.png") == 0
    for run in ("alpha", "mask"):
        restored = picture(runs / run / "restored/a.png")
        np.testing.assert_array_equal(restored[known], clean[known])
        assert (np.load(runs / run / "uncertainty/a.npy")[known[..., 0]] == 0).all()
        assert (picture(runs / run / "given/a.png")[~known] == 128).all()
    # What is under a transparent pixel is not looked at.
    np.testing.assert_array_equal(
        picture(runs / "alpha/restored/a.png"), picture(runs / "mask/restored/a.png")
    )


def test_colour_is_guessed_and_luma_kept(restore, folder, tmp_path):
    code, _, err = restore(folder / "grey" / "b.png", "color", tmp_path / "run")
    assert code == 0, err
    restored = Image.open(tmp_path / "run/restored/b.png")
    grey = np.asarray(Image.open(folder / "grey/b.png"), int)
    assert np.abs(np.asarray(restored.convert("L"), int) - grey).mean() < 2


@pytest.mark.slow
def test_an_unknown_blur_is_found(restore, folder, tmp_path):
    operands = pm.degradations.kernels_of(pm.degradations.gaussian(1.2), 1)
    blurred = pm.degradations.blur().simulate(operands, scene(0)[None], np.random.default_rng(0))
    Image.fromarray(blurred[0]).save(tmp_path / "x.png")
    code, _, err = restore(tmp_path / "x.png", "deblur", tmp_path / "run")
    assert code == 0, err
    assert "finding the blur of x" in err
    kernel = np.load(tmp_path / "run/kernels/x.npy")
    assert kernel.shape == (5, 5)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
def test_auto_says_what_it_takes_each_for_and_refuses_the_rest(restore, folder, tmp_path, capfd):
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(scene(0)).save(photos / "plain.png")
    Image.fromarray(scene(1)).resize((6, 6)).convert("L").save(photos / "grey_small.png")
    Image.fromarray(scene(2)).save(photos / "coarse.jpg", quality=8, subsampling=0)
    cut = Image.fromarray(scene(0))
    round_hole = np.zeros((16, 16), np.uint8)
    round_hole[3:13, 3:13] = 255
    cut.putalpha(Image.fromarray(round_hole))
    cut.save(photos / "cut_out.png")
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    code, out, err = restore(photos, "auto", tmp_path / "run", "--json", "--pilot", "0")
    assert code == 1, err
    events = [json.loads(line) for line in out.splitlines()]
    taken = {e["image"]: e["tasks"] for e in events if e["event"] == "taken"}
    assert taken == {"coarse": ["jpeg"], "grey_small": ["super", "colour"]}
    left_out = {e["photograph"]: e["reason"] for e in events if e["event"] == "left_out"}
    assert len(left_out) == 3
    assert "nothing is seen to be lost" in left_out[str(photos / "plain.png")]
    assert "transparent in all four corners" in left_out[str(photos / "cut_out.png")]
    assert (events[-1]["event"], events[-1]["finished"], events[-1]["left_out"]) == ("done", 2, 3)


@pytest.mark.parametrize(
    ("photos", "task", "more", "said"),
    [
        ("clean", "sper", (), "did you mean super?"),
        ("clean", "auto,super", (), "--task auto stands alone"),
        ("clean", "super,super", (), "names a loss twice"),
        ("clean", "super", (), "super is for photographs that are smaller"),
        ("small", "colour", (), "give --task super,colour, since it is small as well"),
        ("clean", "colour", (), "it has colours: colour is for grey photographs"),
        ("clean", "inpaint", (), "nothing of it is transparent: give --mask"),
        ("clean", "inpaint", ("--mask", "no.png"), "which is no file and no folder"),
        ("clean", "inpaint", ("--mask", "clean"), "its mask hides the whole picture"),
        ("clean", "inpaint", ("--mask", "black"), "its mask has no hole"),
        ("clean", "inpaint", ("--mask", "small"), "its mask has 8x8 pixels and it has 16x16"),
        ("clean", "inpaint", ("--mask", "grey/other"), "there is no mask called a"),
        ("clean", "jpeg", (), "it is no JPEG file"),
        ("clean", "jpeg", ("--quality", "0"), "quality"),
        ("clean", "denoise", ("--sigma", "0.1"), "counted in grey levels of 255"),
        ("clean", "denoise", ("--mask", "hole.png"), "--mask is for inpaint"),
        ("clean", "deblur", ("--kernel", "gauss:2"), "'gauss:2', which is no file"),
        ("clean", "deblur", ("--kernel", "motion:5"), "give motion:LENGTH:DEGREES"),
        ("clean", "deblur", ("--kernel", "gaussian:9"), "a blur reaches less far"),
        ("clean", "deblur,denoise", (), "deblur together with another task needs --kernel"),
        ("clean", "denoise", ("--crop", "stretch"), "--crop is centre or X,Y,W,H"),
        ("clean", "denoise", ("--mix", "1.5"), "--mix is 1.5: give a share from 0 to 1, or auto"),
        ("clean", "denoise", ("--samples", "0"), "--samples is 0: give 1 or more"),
        ("clean", "denoise", ("--layer", "99"), "plain has no --layer 99"),
        ("clean", "denoise", ("--steps", "0"), "--steps must be at least 1"),
        ("small", "super", ("--truth", "hole.png"), "has the name of a photograph, such as a"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(
    restore, folder, tmp_path, monkeypatch, photos, task, more, said
):
    monkeypatch.chdir(folder)
    (folder / "black").mkdir(exist_ok=True)
    (folder / "grey/other").mkdir(exist_ok=True)
    for name in "abc":
        Image.new("L", (16, 16)).save(folder / f"black/{name}.png")
    Image.new("L", (16, 16)).save(folder / "grey/other/z.png")
    if more == ("--mask", "clean"):
        for name in "abc":
            Image.new("L", (16, 16), 255).save(tmp_path / f"{name}.png")
        more = ("--mask", tmp_path)
    code, _, err = restore(photos, task, "run", *more)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert not (folder / "run").exists()


def test_the_simple_way_is_mixed_in(restore, folder, tmp_path, small_run):
    pytest.importorskip("skimage")
    run = tmp_path / "run"
    code, _, err = restore(folder / "small", "super", run, "--mix", "1")
    assert code == 0, err
    for name in "abc":
        simple, result = (picture(run / f"{kind}/{name}.png") for kind in ("baseline", "restored"))
        assert np.median(np.abs(simple.astype(int) - result)) <= 1
        pair = [picture(folder_ / f"samples/{name}-1.png") for folder_ in (run, small_run)]
        np.testing.assert_array_equal(*pair)


def test_the_usual_share_is_mixed_in(restore, folder, tmp_path):
    pytest.importorskip("skimage")
    one, other = tmp_path / "one", tmp_path / "other"
    for run, mix in ((one, "auto"), (other, "0.25")):
        code, _, err = restore(folder / "small", "super", run, "--mix", mix)
        assert code == 0, err
    for name in "abc":
        pair = [picture(run / f"restored/{name}.png") for run in (one, other)]
        np.testing.assert_array_equal(*pair)
    assert json.loads((one / "config.json").read_text())["mix"] == "auto"


def test_what_does_not_fit_is_told_once_and_kept(restore, folder, tmp_path, monkeypatch):
    """Four samples at once do not fit; with room again the rest is done as it was: two at once."""
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(run_batch, "advance", narrow(2))
        code, out, err = restore(folder / "small", "super", run, "--json")
    assert code == 0, err
    assert err.count("do not fit into the device's memory at once: going on with 2 of them") == 1
    events = [json.loads(line) for line in out.splitlines()]
    assert [e["size"] for e in events if e["event"] == "smaller_batches"] == [2]
    assert json.loads((run / "memory.json").read_text()) == {"samples_at_once": 2}
    codes = {path.name: path.read_bytes() for path in (run / "codes").iterdir()}
    (run / "codes" / "b-2.npz").unlink()
    code, _, err = restore(folder / "small", "super", run)
    assert code == 0, err
    assert {path.name: path.read_bytes() for path in (run / "codes").iterdir()} == codes


def test_a_run_of_other_settings_is_not_mixed_with(restore, folder, small_run):
    code, _, err = restore(folder / "small", "super", small_run, "--seed", "1")
    assert code == 2
    assert "holds a run with other settings (--seed)" in err


def test_without_a_pilot_a_layer_is_needed(restore, folder, tmp_path):
    short = ("--generator", "plain", "--pilot", "0")
    code, _, err = restore(folder / "small", "super", tmp_path / "run", short=short)
    assert code == 2
    assert "--layer" in err
