"""Mixing a restored picture with the simple way's."""

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.tasks import degradations as d
from pmsfc_jax.tasks.restoration.mix import mixed, usual_share

RNG = np.random.default_rng(0)
ONE, OTHER, GIVEN = (RNG.integers(0, 256, (2, 4, 4, 3), dtype=np.uint8) for _ in range(3))


def test_a_share_of_each_where_nothing_is_put_back():
    hole = np.ones((4, 4), bool)
    hole[0, 0] = False  # a mask of nothing but hole is refused
    observed = Observation(to_float(GIVEN), d.known_where(hole, 2))
    for share in (0, 0.25, 1):
        expected = (1 - share) * ONE.astype(float) + share * OTHER
        got = mixed(d.mask(), observed, ONE, OTHER, share)
        assert got.dtype == np.uint8
        assert np.abs(got - expected)[:, hole].max() <= 0.51


def test_what_was_observed_is_put_back():
    hole = np.zeros((4, 4), bool)
    hole[1:3, 1:3] = True
    observed = Observation(to_float(GIVEN), d.known_where(hole, 2))
    got = mixed(d.mask(), observed, ONE, OTHER, 0.5)
    np.testing.assert_array_equal(got[:, ~hole], GIVEN[:, ~hole])
    assert np.abs(got[:, hole] - (ONE[:, hole] / 2 + OTHER[:, hole] / 2)).max() <= 0.51


def test_under_noise_the_mixture_is_the_guess():
    observed = Observation(to_float(GIVEN), d.sigmas_of(20, 2))
    guess = to_float(ONE) / 2 + to_float(OTHER) / 2
    expected = d.noise().finish(observed.operands, observed.target, guess)
    got = mixed(d.noise(), observed, ONE, OTHER, 0.5)
    assert np.abs(got - (np.asarray(expected) + 1) * 127.5).max() <= 0.51


def test_the_usual_shares():
    assert usual_share(d.mask()) == usual_share(d.downsample((2, 2))) == 0.25
    assert usual_share(d.noise()) == usual_share(d.chain(d.grey(), d.mask())) == 0.5


def test_a_share_is_a_share():
    with pytest.raises(InputError, match="mix is 2: it is a share from 0 to 1"):
        mixed(d.noise(), Observation(to_float(GIVEN), d.sigmas_of(20, 2)), ONE, OTHER, 2)
