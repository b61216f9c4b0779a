"""Stopped after any step and gone on with, an inversion gives the bits it would have given."""

import jax
import pytest

from pmsfc_jax.inversion.invert import invert, invert_batches
from pmsfc_jax.inversion.optimise import advance
from pmsfc_jax.inversion.presets import preset
from pmsfc_jax.inversion.solvers import SOLVERS

from .conftest import Memory, assert_same_bits, stopped_after

KEY = jax.random.key(0)
USUAL = {"composition": "mganprior", "layer": 2, "codes_per_subspace": 2, "batch_size": 2}
CONFIG = preset(**USUAL, num_steps=30, optimiser="adam")


@pytest.fixture(scope="module")
def whole(small, small_targets):
    return invert(*small, small_targets, key=KEY, config=CONFIG)


@pytest.mark.parametrize("calls", [0, 1, 2, 3, 4])
def test_a_stopped_inversion_goes_on_with_the_same_bits(small, small_targets, whole, calls):
    """Two batches of three compiled loops: stopped before, within and between them."""
    memory = stopped_after(calls, small, small_targets, KEY, CONFIG)
    assert memory.steps == ([] if calls in (0, 3) else [10 * (calls % 3)])
    traces = advance._cache_size()
    again = invert(*small, small_targets, key=KEY, config=CONFIG, resume=memory.resume())
    assert_same_bits(again, whole)
    assert advance._cache_size() == traces
    assert not memory.kept


def test_saving_changes_nothing_and_happens_when_due(small, small_targets, whole):
    memory = Memory()
    found = invert(*small, small_targets, key=KEY, config=CONFIG, resume=memory.resume())
    assert_same_bits(found, whole)
    assert memory.steps == [10, 20, 10, 20]
    never = Memory(due=False)
    invert(*small, small_targets, key=KEY, config=CONFIG, resume=never.resume())
    assert not never.steps


def test_a_state_is_of_its_images_seed_and_settings_only(small, small_targets, whole):
    """What was kept of other photographs, seeds or settings is not taken."""
    memory = Memory()

    def kept_after(targets, key=KEY, config=CONFIG):
        """The name under which the first batch is kept."""
        before = set(memory.kept)
        stopped_after(1, small, targets, key, config, memory)
        return set(memory.kept) - before

    assert len(kept_after(small_targets[:2])) == 1
    assert len(kept_after(small_targets[1::-1])) == 1
    assert len(kept_after(small_targets[:2], jax.random.key(1))) == 1
    assert not kept_after(small_targets[:2])
    assert len(memory.kept) == 3
    found = invert(*small, small_targets, key=KEY, config=CONFIG, resume=memory.resume())
    assert_same_bits(found, whole)


def test_what_was_given_is_kept_until_the_next_is_asked_for(small, small_targets):
    """A caller that is killed while it writes a batch finds its state again."""
    memory = Memory()
    found = invert_batches(*small, small_targets, key=KEY, config=CONFIG, resume=memory.resume())
    next(found)
    [first] = memory.kept
    next(found)
    assert first not in memory.kept
    assert len(memory.kept) == 1


@pytest.mark.slow
@pytest.mark.parametrize("optimiser", SOLVERS)
def test_every_solver_can_be_stopped(small, small_targets, optimiser):
    """What a solver carries is opaque here: whatever it is, it comes back."""
    config = preset(**USUAL, optimiser=optimiser, num_steps=20)
    whole = invert(*small, small_targets, key=KEY, config=config)
    memory = stopped_after(1, small, small_targets, KEY, config)
    traces = advance._cache_size()
    again = invert(*small, small_targets, key=KEY, config=config, resume=memory.resume())
    assert_same_bits(again, whole)
    assert advance._cache_size() == traces
    assert (again.losses.min(axis=1) < again.losses[:, 0]).all()
