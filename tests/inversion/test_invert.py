"""Any number of images: independence of batching, keys, padding, and refusals."""

import dataclasses

import jax
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.inversion import run_batch
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.drawing import draw
from pmsfc_jax.inversion.initialise import draw_codes
from pmsfc_jax.inversion.invert import invert, invert_batches
from pmsfc_jax.inversion.keys import image_keys
from pmsfc_jax.inversion.optimise import advance, start
from pmsfc_jax.inversion.plan import Batch, halves, plan_batches
from pmsfc_jax.inversion.presets import preset
from pmsfc_jax.inversion.result import Perceptual
from pmsfc_jax.inversion.solvers import Adam
from pmsfc_jax.inversion.source import Taken

from .conftest import assert_same_bits, partition

KEY = jax.random.key(0)
CONFIG = InversionConfig("pmsfc", codes_per_subspace=2, num_steps=20, batch_size=2, solver=Adam())


@pytest.fixture(scope="module")
def result(tiny, subspaces, targets):
    return invert(*tiny, targets, subspaces=subspaces, key=KEY, config=CONFIG)


def test_the_result_has_the_stated_shapes(result):
    assert result.reconstruction.shape == (5, 16, 16, 3)
    assert result.codes.shape == (5, 3, 2, 6)
    assert result.weights.shape == (5, 3, 2, 12)
    assert result.drawing.masks.shape == (3, 12)
    assert result.losses.shape == (5, 20)
    for name in ("best_step", "guarded", "failed", "restarted", "seconds"):
        assert getattr(result, name).shape == (5,)
    assert result.drawing.layer == 2
    assert len(result) == 5
    assert "5 images" in repr(result)
    assert len(repr(result)) < 160
    assert not result.failed.any()
    assert not result.restarted.any()
    assert (result.seconds > 0).all()


def test_the_loss_falls_and_is_that_of_the_reconstruction(result, targets):
    assert (result.losses.min(axis=1) < 0.7 * result.losses[:, 0]).all()
    error = ((result.reconstruction - targets).astype(np.float64) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(error, result.losses.min(axis=1), rtol=1e-3)


def test_results_do_not_depend_on_the_batch(tiny, subspaces, targets, result):
    alone = invert(*tiny, targets[3:4], subspaces=subspaces, key=KEY, config=CONFIG)
    turned = invert(*tiny, targets[::-1], subspaces=subspaces, key=KEY, config=CONFIG)
    np.testing.assert_allclose(alone.losses[0], result.losses[3], rtol=1e-2)
    np.testing.assert_allclose(turned.losses[::-1], result.losses, rtol=1e-2)


def test_progress_is_told_by_default_and_silenced_by_a_function_of_ones_own(
    tiny, subspaces, targets, capsys, monkeypatch
):
    monkeypatch.setattr("pmsfc_jax.core.progress._LOG_SECONDS", 0.0)
    asked = {"subspaces": subspaces, "key": KEY, "config": CONFIG}
    result = invert(*tiny, targets[:2], **asked)
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.startswith("inversion: 50%, loss ")
    assert last == f"inversion: 100%, loss {result.losses[:, -1].mean():.5f}"
    invert(*tiny, targets[:2], **asked, on_progress=lambda *_: None)
    assert capsys.readouterr().err == ""


def test_repeating_gives_the_same_bits(tiny, subspaces, targets, result):
    again = invert(*tiny, targets, subspaces=subspaces, key=KEY, config=CONFIG)
    assert_same_bits(again, result)


def test_all_batches_share_one_trace(tiny, subspaces, targets):
    """The odd last batch, and the steps after the first loop, compile nothing new."""
    config = dataclasses.replace(CONFIG, codes_per_subspace=1)  # compiled by no other test
    before = advance._cache_size()
    batches = list(invert_batches(*tiny, targets, subspaces=subspaces, key=KEY, config=config))
    assert [done.rows for done in batches] == [(0, 1), (2, 3), (4,)]
    assert advance._cache_size() == before + 1


def test_what_is_left_keeps_the_batch_shape_and_its_bits(tiny, subspaces, targets, result):
    """One image that is left of a batch of two costs no compilation, and is not changed by it."""
    before = advance._cache_size()
    left = [Batch((4,), 2)]
    [(rows, _, found)] = invert_batches(
        *tiny, targets, subspaces=subspaces, key=KEY, config=CONFIG, batches=left
    )
    assert rows == (4,)
    assert advance._cache_size() == before
    np.testing.assert_array_equal(found.codes, result.codes[4:])
    np.testing.assert_array_equal(found.losses, result.losses[4:])


def test_companions_change_nothing_within_a_shape(tiny, subspaces, targets, result):
    swapped = [Batch((3, 0), 2)]
    [(_, _, found)] = invert_batches(
        *tiny, targets, subspaces=subspaces, key=KEY, config=CONFIG, batches=swapped
    )
    np.testing.assert_allclose(found.losses, result.losses[[3, 0]], rtol=1e-2)


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        (1, 8, [(1, 1)]),
        (8, 8, [(8, 8)]),
        (9, 8, [(8, 8), (1, 8)]),
        (5, 2, [(2, 2), (2, 2), (1, 2)]),
        (0, 8, []),
    ],
)
def test_batches_are_of_one_size_and_no_larger_than_needed(count, size, expected):
    batches = plan_batches(range(10, 10 + count), size)
    assert [(len(batch.rows), batch.size) for batch in batches] == expected
    assert [row for batch in batches for row in batch.rows] == list(range(10, 10 + count))


def test_rendering_the_codes_gives_the_same_bits(tiny, result):
    image = draw(*tiny, result.drawing[4:])
    np.testing.assert_array_equal(image, result.reconstruction[4:])


def test_an_earlier_result_is_gone_on_from(tiny, subspaces, targets, result):
    """The first loss is that of the codes given; of all images, in batches as in one."""
    again = invert(*tiny, targets, subspaces=subspaces, key=KEY, config=CONFIG, start_from=result)
    np.testing.assert_allclose(again.losses[:, 0], result.losses.min(axis=1), rtol=1e-4)
    with pytest.raises(InputError, match="of 5 images and there are 2"):
        invert(*tiny, targets[:2], subspaces=subspaces, key=KEY, config=CONFIG, start_from=result)


def test_keys_come_from_pixels(targets):
    keys = jax.random.key_data(image_keys(KEY, Observation(targets)))
    turned = jax.random.key_data(image_keys(KEY, Observation(targets[::-1])))
    np.testing.assert_array_equal(keys, turned[::-1])
    assert len(np.unique(keys, axis=0)) == 5
    other = jax.random.key_data(image_keys(jax.random.key(1), Observation(targets)))
    assert (other != keys).any(axis=1).all()


def test_progress_counts_to_the_end(tiny, subspaces, targets):
    seen = []
    invert(
        *tiny,
        targets,
        subspaces=subspaces,
        key=KEY,
        config=CONFIG,
        on_progress=lambda done, total, loss: seen.append((done, total)),
    )
    assert seen[-1] == (100, 100)
    assert seen == sorted(seen)


@pytest.mark.parametrize(("method", "count"), [("mganprior", 4), ("single", 1)])
def test_the_baselines_run_on_one_subspace(tiny, targets, method, count):
    config = InversionConfig(method, 2, count, num_steps=20, batch_size=5)
    result = invert(*tiny, targets, key=KEY, config=config)
    assert result.codes.shape == (5, 1, count, 6)
    assert (result.losses.min(axis=1) < result.losses[:, 0]).all()


def test_more_codes_redraw_better(tiny, subspaces, targets, result):
    """The point of the method: composed features reach what a single code does not."""
    del subspaces
    config = preset(composition="single", layer=2, num_steps=20, optimiser="adam")
    single = invert(*tiny, targets, key=KEY, config=config)
    assert result.losses.min(axis=1).mean() < single.losses.min(axis=1).mean()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), "draws images of"),
        (np.zeros((0, 16, 16, 3), np.float32), "height, width, 3"),
        (np.zeros((2, 16, 16, 3), np.uint8), "give floats"),
        (np.full((2, 16, 16, 3), 127.0, np.float32), "finite and in"),
        (np.full((2, 16, 16, 3), np.nan, np.float32), "finite and in"),
    ],
)
def test_bad_targets_are_refused(tiny, subspaces, bad, message):
    with pytest.raises(InputError, match=message):
        invert(*tiny, bad, subspaces=subspaces, key=KEY, config=CONFIG)


def test_settings_that_contradict_each_other_are_refused(tiny, subspaces, targets):
    def attempt(config, subspaces=None, perceptual=None):
        invert(*tiny, targets, subspaces=subspaces, key=KEY, config=config, perceptual=perceptual)

    with pytest.raises(InputError, match="give subspaces="):
        attempt(CONFIG)
    with pytest.raises(InputError, match="use one layer for both"):
        attempt(InversionConfig("pmsfc", layer=1), subspaces)
    with pytest.raises(InputError, match="needs a layer"):
        attempt(InversionConfig("mganprior"))
    with pytest.raises(InputError, match="has no layer 9"):
        attempt(InversionConfig("mganprior", 9))
    with pytest.raises(InputError, match="discover them for this generator"):
        attempt(InversionConfig(), partition([0, 1, 0], layer=2))
    with pytest.raises(InputError, match="no perceptual network"):
        attempt(preset(perceptual_weight=0.1), subspaces)
    v = Perceptual(lambda params, x: [x], {}, "mine", "l2")
    with pytest.raises(InputError, match="is a distance of l2"):
        attempt(preset(perceptual_weight=0.1), subspaces, v)


def test_a_perceptual_network_can_be_given(tiny, subspaces, targets):
    v = Perceptual(lambda params, x: [x * params["gain"]], {"gain": np.float32(2)}, "gain")
    settings = {"codes_per_subspace": 2, "num_steps": 2, "batch_size": 5}
    config = preset(**settings, perceptual_weight=0.5)
    result = invert(*tiny, targets, subspaces=subspaces, key=KEY, config=config, perceptual=v)
    plain = invert(
        *tiny,
        targets,
        subspaces=subspaces,
        key=KEY,
        config=preset(**settings),
    )
    assert (result.losses[:, 0] > plain.losses[:, 0]).all()


class Folder:
    """Five images that are counted while they are taken; one of them cannot be had."""

    def __init__(self, targets, missing=None):
        self.targets, self.missing, self.asked = targets, missing, []

    def __len__(self):
        return len(self.targets)

    def take(self, rows):
        self.asked.append(tuple(rows))
        kept = tuple(row for row in rows if row != self.missing)
        return Taken(kept, Observation(self.targets[list(kept)]))


def test_images_come_from_a_source_a_batch_at_a_time(tiny, subspaces, targets, result):
    folder, seen = Folder(targets), []
    found = invert_batches(*tiny, folder, subspaces=subspaces, key=KEY, config=CONFIG)
    for done in found:
        seen.append(done.rows)
        np.testing.assert_array_equal(done.observation.target, targets[list(done.rows)])
        np.testing.assert_array_equal(done.result.losses, result.losses[list(done.rows)])
        # This batch's images, and those of the next one while it ran.
        assert len(folder.asked) <= len(seen) + 1
    assert seen == folder.asked == [(0, 1), (2, 3), (4,)]


def test_what_cannot_be_had_is_left_out(tiny, subspaces, targets, result):
    """Its batch keeps its shape, and nobody else is changed."""
    before = advance._cache_size()
    found = list(
        invert_batches(*tiny, Folder(targets, 2), subspaces=subspaces, key=KEY, config=CONFIG)
    )
    assert [done.rows for done in found] == [(0, 1), (3,), (4,)]
    np.testing.assert_allclose(found[1].result.losses, result.losses[3:4], rtol=1e-2)
    assert advance._cache_size() == before
    alone = list(
        invert_batches(*tiny, Folder(targets[:1], 0), subspaces=subspaces, key=KEY, config=CONFIG)
    )
    assert alone == []


def test_a_sink_is_given_every_batch(tiny, subspaces, targets, result):
    batches = []
    nothing = invert(
        *tiny, targets, subspaces=subspaces, key=KEY, config=CONFIG, sink=batches.append
    )
    assert nothing is None
    losses = np.concatenate([done.result.losses for done in batches])
    np.testing.assert_array_equal(losses, result.losses)


def test_a_full_memory_halves_the_batches(tiny, subspaces, targets, result, monkeypatch):
    """Those that follow too, each told once; what is run is what was recorded, bit for bit."""

    def full(*arguments):
        if len(arguments[4].best_loss) > 2:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")
        return advance(*arguments)

    monkeypatch.setattr(run_batch, "advance", full)
    splits = []
    found = list(
        invert_batches(
            *tiny,
            targets,
            subspaces=subspaces,
            key=KEY,
            config=CONFIG,
            batches=[Batch((0, 1, 2), 3), Batch((3, 4), 3)],
            on_split=lambda batch, parts: splits.append((batch, parts)),
        )
    )
    assert splits == [
        (Batch((0, 1, 2), 3), (Batch((0, 1), 2), Batch((2,), 2))),
        (Batch((3, 4), 3), (Batch((3, 4), 2),)),
    ]
    assert [done.rows for done in found] == [(0, 1), (2,), (3, 4)]
    recorded = [part for _, parts in splits for part in parts]
    monkeypatch.setattr(run_batch, "advance", advance)
    again = invert_batches(
        *tiny, targets, subspaces=subspaces, key=KEY, config=CONFIG, batches=recorded
    )
    for ours, expected in zip(again, found, strict=True):
        assert_same_bits(ours.result, expected.result)


def test_one_image_that_does_not_fit_is_told(tiny, subspaces, targets, monkeypatch):
    def full(*arguments):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(run_batch, "advance", full)
    with pytest.raises(InputError, match="one image does not fit"):
        invert(*tiny, targets[:1], subspaces=subspaces, key=KEY, config=CONFIG)


def test_other_faults_of_the_runtime_are_not_taken_for_a_full_memory(
    tiny, subspaces, targets, monkeypatch
):
    def broken(*arguments):
        raise jax.errors.JaxRuntimeError("INTERNAL: no")

    monkeypatch.setattr(run_batch, "advance", broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        invert(*tiny, targets[:1], subspaces=subspaces, key=KEY, config=CONFIG)


def test_halves_are_of_one_size():
    assert halves(Batch((1, 2, 3), 4)) == (Batch((1, 2), 2), Batch((3,), 2))
    assert halves(Batch((1,), 4)) == (Batch((1,), 2),)
    assert halves(Batch((1,), 1)) == ()
    assert halves(Batch((1, 2), 2), smallest=2) == ()


def test_other_settings_of_the_same_shapes_compile_nothing(small, small_targets, monkeypatch):
    """A batch limit, a learning rate, a number of steps; 101 steps are one call more than 100."""
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return advance(*arguments)

    monkeypatch.setattr(run_batch, "advance", counted)
    usual = {"composition": "mganprior", "layer": 2, "codes_per_subspace": 2, "num_steps": 100}
    invert(*small, small_targets, key=KEY, config=preset(**usual))
    assert len(calls) == 10
    before = [f._cache_size() for f in (advance, start, draw_codes)]
    for other in ({"num_steps": 101}, {"batch_size": 3}, {"learning_rate": 0.1}):
        calls.clear()
        invert(*small, small_targets, key=KEY, config=preset(**(usual | other)))
        assert len(calls) == 10 + ("num_steps" in other)
    assert [f._cache_size() for f in (advance, start, draw_codes)] == before


def test_coarse_terms_need_sides_that_can_be_halved_twice(small, small_targets):
    generator, params = small
    spec = dataclasses.replace(generator.spec, image_shape=(8, 6, 3))
    odd = dataclasses.replace(generator, spec=spec)
    config = preset(composition="mganprior", layer=2, coarse_weight=1.0)
    with pytest.raises(InputError, match="6x8: set coarse_weight to 0"):
        invert(odd, params, small_targets[:, :, :6], key=KEY, config=config)
