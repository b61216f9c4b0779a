"""What a step costs: counts beside XLA's own, and estimates beside sums by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.inversion.abstract import even_masks
from pmsfc_jax.inversion.estimate import (
    HELD,
    PASSES,
    STATE_PASSES,
    Memory,
    compiled_memory,
    largest_batch,
    modelled_memory,
    seconds_per_step,
)
from pmsfc_jax.inversion.presets import preset
from pmsfc_jax.inversion.workload import Workload, counted, workload_of
from pmsfc_jax.nn.layers import conv2d, upsample_conv2d
from pmsfc_jax.parallel.chips import CHIPS


def work(small, **settings):
    cut = Cut(small[0], 2)
    config = preset(composition="mganprior", layer=2, codes_per_subspace=2, **settings)
    return workload_of(cut, small[1], config, even_masks(cut, 1))


def test_products_are_counted_as_xla_counts_them():
    """Where no place is outside of the image, XLA's analysis leaves nothing out either."""

    def f(x, kernel, matrix):
        y = jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return jnp.einsum("bhwc,cd->bhwd", y, matrix)

    shapes = [jax.ShapeDtypeStruct(s, jnp.float32) for s in ((2, 9, 7, 6), (3, 3, 6, 5), (5, 4))]
    flops, features = counted(jax.make_jaxpr(f)(*shapes).jaxpr)
    expected = jax.jit(f).lower(*shapes).compile().cost_analysis()["flops"]
    assert flops == pytest.approx(expected, rel=1e-3)
    assert features == 4 * 2 * 7 * 5 * 128  # five channels take the room of 128


def test_of_two_forms_of_a_map_one_counts():
    x, kernel = jnp.ones((2, 4, 4, 8)), jnp.ones((3, 3, 8, 8))
    doubled = counted(jax.make_jaxpr(upsample_conv2d)(x, kernel).jaxpr)
    plain = counted(jax.make_jaxpr(conv2d)(jnp.ones((2, 8, 8, 8)), kernel).jaxpr)
    assert doubled[0] == pytest.approx(plain[0] * 4 / 9)
    assert doubled[1] == plain[1]


def test_a_step_is_forward_and_back_and_what_the_solver_holds(small):
    adam, lbfgs = work(small, optimiser="adam"), work(small, history=50)
    numbers = 2 * (6 + 4)  # two codes of six numbers, and weights of four channels
    pairs = 4 * (2 * 50 * numbers + 2 * 50 * 50)  # and their inner products
    np.testing.assert_allclose(lbfgs.state - adam.state, pairs, rtol=0.02)
    assert adam.features == lbfgs.features > 0
    weights = sum(leaf.nbytes for leaf in jax.tree.leaves(small[1]))
    assert adam.weights == weights
    more = workload_of(
        Cut(small[0], 2),
        small[1],
        preset(composition="mganprior", layer=2, codes_per_subspace=4, optimiser="adam"),
        even_masks(Cut(small[0], 2), 1),
    )
    assert 1 < more.features / adam.features < 2


@pytest.mark.parametrize(("room", "images"), [(5, 0), (50, 4), (100, 8), (175, 16), (1e9, 256)])
def test_a_batch_is_a_multiple_of_eight_from_there_on(room, images):
    assert largest_batch(Memory(10.0, 10.0), room) == images


def test_memory_and_time_by_the_model():
    load = Workload(flops=197e10, features=1e6, state=1e5, weights=1e7)
    assert modelled_memory(load) == Memory(1e7, 2e5 + HELD * 1e6)
    chip = CHIPS["v5e"]
    assert seconds_per_step(load, chip, 8) == pytest.approx(0.08)
    light = load._replace(flops=1.0)
    moved = 8 * (PASSES * 1e6 + STATE_PASSES * 1e5) + 1e7
    assert seconds_per_step(light, chip, 8) == pytest.approx(moved / 819e9)


def test_a_line_through_two_compiled_programs():
    class Compiled:
        def __init__(self, images):
            self.argument_size_in_bytes, self.temp_size_in_bytes = 100 + 5 * images, 7 * images

        def lower(self, lowering_platforms):
            assert lowering_platforms == ("cuda",)
            return self

        def compile(self):
            return self

        def memory_analysis(self):
            return self

    assert compiled_memory(Compiled, "cuda") == Memory(100, 12)
