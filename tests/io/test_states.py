"""A batch in progress comes back to the bit, and is saved when it is time."""

import ml_dtypes
import numpy as np
import pytest

from pmsfc_jax.io.states import State, StateFolder


@pytest.fixture
def state():
    rng = np.random.default_rng(0)
    leaves = (
        rng.normal(size=(2, 3)).astype(np.float32),
        np.array(7, np.int32),
        rng.normal(size=(4,)).astype(ml_dtypes.bfloat16),
        np.array([True, False]),
    )
    return State(20, leaves, rng.normal(size=(20, 2)).astype(np.float32), np.array([0, 3]), 1.25)


def test_a_state_comes_back_to_the_bit(state, tmp_path):
    resumed = []
    folder = StateFolder(tmp_path / "state", 60.0, on_resume=resumed.append)
    assert folder.load("a", state.leaves) is None
    folder.save("a", state)
    again = folder.load("a", state.leaves)
    assert (again.step, again.seconds, resumed) == (20, 1.25, [20])
    for before, after in zip(state.leaves, again.leaves, strict=True):
        assert (before.dtype, before.tobytes()) == (after.dtype, after.tobytes())
    np.testing.assert_array_equal(again.losses, state.losses)
    np.testing.assert_array_equal(again.guarded, state.guarded)
    folder.clear("a")
    assert folder.load("a", state.leaves) is None
    folder.save("a", state)
    folder.remove()
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("wrong", ["fewer", "shape", "size"])
def test_leaves_of_another_kind_are_passed_over(state, tmp_path, wrong):
    told = []
    folder = StateFolder(tmp_path, 60.0, on_damage=told.append)
    folder.save("a", state)
    leaves = {
        "fewer": state.leaves[:-1],
        "shape": (state.leaves[0].T, *state.leaves[1:]),
        "size": (state.leaves[0].astype(np.float64), *state.leaves[1:]),
    }[wrong]
    assert folder.load("a", leaves) is None
    assert "of another version" in told[0]


def test_it_is_time_so_long_after_the_last_save(state, tmp_path):
    time = [0.0]
    folder = StateFolder(tmp_path, 60.0, now=lambda: time[0])
    time[0] = 59.0
    assert not folder.due()
    time[0] = 60.0
    assert folder.due()
    folder.save("a", state)
    assert not folder.due()
    time[0] = 119.0
    assert not folder.due()
    time[0] = 120.0
    assert folder.due()
    assert StateFolder(tmp_path, 0.0).due()
