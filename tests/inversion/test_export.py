"""The exported loop, read back by jax alone, is the live one."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.inversion.export import export_step
from pmsfc_jax.inversion.invert import invert
from pmsfc_jax.inversion.keys import image_keys
from pmsfc_jax.inversion.presets import preset

from .conftest import partition

KEY = jax.random.key(0)
STEPS = 20
PLATFORMS = ("cpu", "cuda", "tpu")


# For one platform the program is that of the live loop, to the bit. For several, XLA compiles other
# code for the same sums, and L-BFGS doubles a rounding error every few steps.
@pytest.mark.parametrize(
    ("optimiser", "platforms", "tolerance"),
    [
        ("adam", PLATFORMS, 1e-5),
        pytest.param("lbfgs", ("cpu",), 0, marks=pytest.mark.slow),
        pytest.param("lbfgs", PLATFORMS, 1e-4, marks=pytest.mark.slow),
    ],
)
def test_the_first_losses_are_those_of_the_live_loop(
    small, small_targets, tmp_path, optimiser, platforms, tolerance
):
    pytest.importorskip("flatbuffers")
    params = small[1]
    config = preset(
        composition="pmsfc", codes_per_subspace=2, batch_size=3, num_steps=STEPS,
        optimiser=optimiser,
    )  # fmt: skip
    subspaces = partition([0, 1, 0, 1], layer=2)
    live = invert(*small, small_targets, subspaces=subspaces, key=KEY, config=config)
    exported = export_step(*small, subspaces=subspaces, config=config, platforms=platforms)
    exported.save(tmp_path / "program")
    begin, move = (
        jax.export.deserialize(bytearray((tmp_path / "program" / name).read_bytes()))
        for name in ("begin.jax", "advance.jax")
    )
    assert begin.platforms == move.platforms == platforms
    keys = jax.random.key_data(image_keys(KEY, Observation(small_targets)))
    carry = begin.call(params, {}, keys, small_targets)
    losses = []
    for _ in range(2):
        carry, told = move.call(params, {}, carry, jnp.int32(STEPS // 2))
        losses.append(np.asarray(told["losses"]))
    np.testing.assert_allclose(np.concatenate(losses).T, live.losses, rtol=tolerance)
    np.testing.assert_allclose(told["latent"], live.codes, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(told["best_loss"], live.losses.min(axis=1), rtol=tolerance)
    assert (np.asarray(told["reason"]) == 1).all()
    # Weights are no part of it.
    other = jax.tree.map(lambda leaf: leaf * 1.1, params)
    carry = begin.call(other, {}, keys, small_targets)
    _, told = move.call(other, {}, carry, jnp.int32(1))
    assert (np.abs(np.asarray(told["losses"][0]) / live.losses[:, 0] - 1) > 1e-3).any()


def test_what_cannot_be_exported_is_a_sentence(small, monkeypatch):
    config = preset(composition="single", layer=2, optimiser="sgd", num_steps=1, batch_size=1)
    with pytest.raises(InputError, match="give some of cpu, cuda, rocm, tpu"):
        export_step(*small, config=config, platforms=["metal"])
    monkeypatch.setitem(sys.modules, "flatbuffers", None)
    monkeypatch.delitem(sys.modules, "jax._src.export.serialization", raising=False)
    with pytest.raises(InputError, match="pip install flatbuffers"):
        export_step(*small, config=config, platforms=["cpu"])
