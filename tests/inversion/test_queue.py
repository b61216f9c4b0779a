"""A queue: an image leaves when it is done, the next takes its slot, and nobody notices."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.inversion import slots
from pmsfc_jax.inversion.invert import invert, invert_batches
from pmsfc_jax.inversion.optimise import advance, renew
from pmsfc_jax.inversion.plan import Batch, plan_batches
from pmsfc_jax.inversion.presets import preset
from pmsfc_jax.inversion.resume import Stopped
from pmsfc_jax.inversion.solvers import SOLVERS
from pmsfc_jax.inversion.source import Taken
from pmsfc_jax.inversion.until import Until

from .conftest import Memory, assert_same_bits, stop_after

KEY = jax.random.key(0)
USUAL = {
    "composition": "mganprior",
    "layer": 2,
    "codes_per_subspace": 2,
    "batch_size": 3,
    "num_steps": 30,
    "optimiser": "adam",
}
QUEUE = preset(**USUAL, until_psnr=13.0, until_fall=0.05, until_window=6)


@pytest.fixture(scope="module")
def images(small):
    """Seven pictures, of noise and of the generator in turn."""
    generator, params = small
    noise = np.random.default_rng(0).uniform(-1, 1, (4, *generator.spec.image_shape))
    z = generator.spec.prior.draw(jax.random.key(3), 3)
    drawn = np.tanh(np.asarray(jax.jit(lambda p: generator(p, z))(params)))
    mixed = [x for pair in itertools.zip_longest(noise, drawn) for x in pair if x is not None]
    return np.stack(mixed).astype(np.float32)


@pytest.fixture(scope="module")
def fixed(small, images):
    return invert(*small, images, key=KEY, config=preset(**USUAL))


@pytest.fixture(scope="module")
def queued(small, images):
    return invert(*small, images, key=KEY, config=QUEUE)


def by_hand(losses):
    """Steps and reason of one image, from the losses of all its steps, in plain Python."""
    best, mark = np.inf, None
    for step, loss in enumerate(losses, start=1):
        best = min(best, loss)
        if -10 * np.log10(best / 4) >= 13:
            return step, "psnr"
        if step == 1:
            mark = best
        elif step % 6 == 0:
            if mark - best < 0.05 * mark:
                return step, "fall"
            mark = best
    return len(losses), "steps"


def test_every_image_leaves_when_it_is_done(queued, fixed):
    expected = [by_hand(losses.astype(np.float64)) for losses in fixed.losses]
    assert list(zip(queued.steps, queued.reason, strict=True)) == expected
    assert {"psnr", "fall"} <= set(queued.reason)
    assert len(set(queued.steps)) > 2
    assert (fixed.steps == 30).all()
    assert (fixed.reason == "steps").all()


def test_an_image_is_what_it_is_in_a_batch_up_to_where_it_leaves(queued, fixed, images):
    for i, steps in enumerate(queued.steps):
        np.testing.assert_allclose(queued.losses[i, :steps], fixed.losses[i, :steps], rtol=1e-2)
        assert np.isnan(queued.losses[i, steps:]).all()
        assert queued.best_step[i] == fixed.losses[i, :steps].argmin()
    error = np.square(queued.reconstruction.astype(np.float64) - images).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(error, np.nanmin(queued.losses, axis=1), rtol=1e-3)
    assert not queued.restarted.any()
    assert (queued.seconds > 0).all()


@pytest.mark.parametrize("size", [1, 7])
def test_results_do_not_depend_on_the_slots(small, images, queued, size):
    config = dataclasses.replace(QUEUE, batch_size=size)
    other = invert(*small, images, key=KEY, config=config)
    np.testing.assert_array_equal(other.steps, queued.steps)
    np.testing.assert_array_equal(other.reason, queued.reason)
    np.testing.assert_allclose(other.losses, queued.losses, rtol=1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("optimiser", SOLVERS)
def test_every_solver_can_be_begun_in_a_slot_of_another_image(small, images, optimiser):
    """What a solver remembers of the image before does not reach the next one."""
    settings = {**USUAL, "optimiser": optimiser, "num_steps": 12}
    fixed = invert(*small, images, key=KEY, config=preset(**settings))
    config = preset(**settings, until_psnr=13.0)
    found = invert(*small, images, key=KEY, config=config)
    for i, steps in enumerate(found.steps):
        np.testing.assert_allclose(found.losses[i, :steps], fixed.losses[i, :steps], rtol=1e-2)


def test_whoever_comes_and_goes_compiles_nothing(small, images, queued):
    before = advance._cache_size(), renew._cache_size()
    other = preset(**USUAL | {"num_steps": 17}, until_psnr=15.0)
    given = list(invert_batches(*small, images[:6], key=KEY, config=other))
    assert sorted(row for done in given for row in done.rows) == list(range(6))
    assert [len(done.rows) for done in given] == [1] * 6
    assert (advance._cache_size(), renew._cache_size()) == before
    for done in given:
        np.testing.assert_array_equal(done.observation.target, images[list(done.rows)])


def test_the_seats_are_never_empty_while_somebody_waits(small, images, queued, monkeypatch):
    calls = []

    def counted(*arguments):
        calls.append(int(arguments[6]))
        return advance(*arguments)

    monkeypatch.setattr(slots, "advance", counted)
    again = invert(*small, images, key=KEY, config=QUEUE)
    assert_same_bits(again, queued)
    # Seven images in three slots: never more than the longest plus what is left by the others.
    assert sum(calls) <= queued.steps.sum() / 3 + queued.steps.max() + 5 * 3
    assert sum(calls) < 3 * 30


@pytest.mark.parametrize("calls", [0, 1, 4, 7])
def test_a_stopped_queue_goes_on_with_the_same_bits(small, images, queued, calls):
    memory, given = Memory(due=False), []
    with pytest.raises(Stopped):
        given.extend(invert_until(small, images, memory, should_stop=stop_after(calls), into=given))
    before = {done.rows[0]: done.result for done in given}
    invert_until(small, images, memory, into=given)
    for done in given:
        assert_same_bits(done.result, one_of(queued, done.rows[0]))
    assert {done.rows[0] for done in given} == set(range(7))
    assert len(given) == 7
    assert not memory.kept
    assert before or calls < 4


def invert_until(small, images, memory, into, **more):
    found = invert_batches(*small, images, key=KEY, config=QUEUE, resume=memory.resume(), **more)
    for done in found:
        into.append(done)
    return []


def one_of(result, row):
    """The result of one image of several."""
    names = [f.name for f in dataclasses.fields(result) if f.name != "drawing"]
    some = {name: getattr(result, name)[row : row + 1] for name in names}
    return dataclasses.replace(result, drawing=result.drawing[row : row + 1], **some)


@pytest.mark.parametrize("given", [1, 3, 6])
def test_killed_after_any_image_the_others_get_the_same_bits(small, images, queued, given):
    """A state is kept before the first image is given; those given since come again."""
    memory = Memory(due=False)
    found = invert_batches(*small, images, key=KEY, config=QUEUE, resume=memory.resume())
    for _ in range(given):
        next(found)
    found.close()
    assert len(memory.steps) == 1
    again = invert(*small, images, key=KEY, config=QUEUE, resume=memory.resume())
    assert_same_bits(again, queued)


def test_a_state_of_other_images_is_not_taken(small, images, queued):
    """The same first three, and others behind them."""
    memory = Memory()
    found = invert_batches(*small, images, key=KEY, config=QUEUE, resume=memory.resume())
    [*_] = itertools.islice(found, 4)
    found.close()
    assert memory.kept
    others = np.concatenate([images[:3], images[:2:-1]])
    again = invert(*small, others, key=KEY, config=QUEUE, resume=memory.resume())
    np.testing.assert_array_equal(again.steps[:3], queued.steps[:3])
    np.testing.assert_allclose(again.losses[3:], queued.losses[:2:-1], rtol=1e-2)
    assert not memory.kept


def test_finished_images_stay_away_where_a_queue_begins(small, images, queued):
    found = invert_batches(*small, images, key=KEY, config=QUEUE, finished=[0, 2, 3])
    given = {done.rows[0]: done.result for done in found}
    assert sorted(given) == [1, 4, 5, 6]
    for row, result in given.items():
        np.testing.assert_allclose(result.losses[0], queued.losses[row], rtol=1e-2)
    assert not list(invert_batches(*small, images, key=KEY, config=QUEUE, finished=range(7)))


class Folder:
    """Images that are counted while they are taken; one of them cannot be had."""

    def __init__(self, images, missing):
        self.images, self.missing, self.asked = images, missing, []

    def __len__(self):
        return len(self.images)

    def take(self, rows):
        self.asked += rows
        kept = tuple(row for row in rows if row != self.missing)
        return Taken(kept, Observation(self.images[list(kept)]))


@pytest.mark.parametrize("missing", [0, 4, 6])
def test_what_cannot_be_had_is_left_out(small, images, queued, missing):
    folder = Folder(images, missing)
    found = list(invert_batches(*small, folder, key=KEY, config=QUEUE))
    assert sorted(done.rows[0] for done in found) == [i for i in range(7) if i != missing]
    assert sorted(folder.asked) == list(range(7))
    for done in found:
        np.testing.assert_array_equal(done.result.steps[0], queued.steps[done.rows[0]])


def test_earlier_codes_are_started_from(small, images, queued):
    again = invert(*small, images, key=KEY, config=QUEUE, start_from=queued)
    np.testing.assert_allclose(again.losses[:, 0], np.nanmin(queued.losses, axis=1), rtol=1e-4)
    there = queued.reason == "psnr"
    assert (again.steps[there] == 1).all()


def test_one_is_tried_again_in_the_next_seat(small, images):
    """As after its batch: from other codes, with a quarter of the rate; others do not notice."""
    generator, params = small

    def head(params, z, *, layer):
        features, context = generator.head(params["small"], z, layer=layer)
        bad = (z[:, 0] > params["limit"])[:, None, None, None]
        return jnp.where(bad, jnp.nan, features), context

    def tail(params, h, context, *, layer):
        return generator.tail(params["small"], h, context, layer=layer)

    split = dataclasses.replace(generator, head=head, tail=tail, program=None)
    config = preset(**USUAL | {"num_steps": 6})
    queue = dataclasses.replace(config, until=Until(psnr=60.0))

    def with_limit(limit, config):
        weights = {"small": params, "limit": jnp.float32(limit)}
        return invert(split, weights, images, key=KEY, config=config)

    starts = with_limit(-1e9, queue)
    assert starts.failed.all()
    assert starts.restarted.all()
    first = starts.codes[:, 0, :, 0].max(axis=1)
    found, expected = (with_limit(first.max() - 1e-4, c) for c in (queue, config))
    assert expected.restarted[first.argmax()]
    assert not expected.restarted.all()
    np.testing.assert_array_equal(found.restarted, expected.restarted)
    np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-2)
    assert not found.failed.any()


def test_a_second_try_survives_a_stop(small, images):
    config = preset(
        **USUAL | {"optimiser": "sgd", "learning_rate": 1e30, "num_steps": 12}, until_psnr=60.0
    )
    whole = invert(*small, images[:4], key=KEY, config=config)
    assert whole.restarted.all()
    memory, given = Memory(due=False), []
    found = invert_batches(
        *small, images[:4], key=KEY, config=config, resume=memory.resume(),
        should_stop=stop_after(5),
    )  # fmt: skip
    with pytest.raises(Stopped):
        given.extend(found)
    found = invert_batches(*small, images[:4], key=KEY, config=config, resume=memory.resume())
    given.extend(found)
    assert sorted(done.rows[0] for done in given) == [0, 1, 2, 3]
    for done in given:
        assert_same_bits(done.result, one_of(whole, done.rows[0]))


def test_a_full_memory_halves_the_slots(small, images, queued, monkeypatch):
    calls = []

    def full(*arguments):
        calls.append(len(arguments[4].best_loss))
        # Some way on, when images have been given.
        if calls[-1] > 2 and len(calls) > 5:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")
        return advance(*arguments)

    monkeypatch.setattr(slots, "advance", full)
    splits = []
    found = list(
        invert_batches(
            *small, images, key=KEY, config=QUEUE,
            on_split=lambda batch, parts: splits.append((batch, parts)),
        )
    )  # fmt: skip
    assert sorted(done.rows[0] for done in found) == list(range(7))
    [(batch, parts)] = splits
    assert batch.size == 3
    assert [part.size for part in parts] == [2]
    assert 0 < len(batch.rows) < 7
    for done in found:
        assert done.result.steps[0] == queued.steps[done.rows[0]]


def test_a_queue_is_one_batch_of_all():
    assert plan_batches([4, 5, 6], 2, queue=True) == [Batch((4, 5, 6), 2)]
    assert plan_batches([4], 8, queue=True) == [Batch((4,), 1)]
    assert plan_batches([], 8, queue=True) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"until_psnr": 0.0}, "until_psnr must be positive"),
        ({"until_fall": 1.0}, "until_fall must be between 0 and 1"),
        ({"until_fall": 0.1, "until_window": 0}, "until_window must be at least 1"),
        ({"until_window": 5}, "give until_fall"),
        ({"until_psnr": 20.0, "pixel_norm": "l1"}, "pixel_norm is l1"),
    ],
)
def test_impossible_criteria_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        preset(**settings)
