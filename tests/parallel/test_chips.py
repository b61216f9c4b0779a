"""Devices by name and number."""

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.parallel.chips import CHIPS, chips_of


def test_devices_have_a_name_and_a_number():
    assert chips_of("v5e:4") == (CHIPS["v5e"], 4)
    assert chips_of("h100") == (CHIPS["h100"], 1)
    assert CHIPS["v5e"].memory == 15.75 * 2**30  # as the compiler has it


@pytest.mark.parametrize("text", ["v5", "v5e:0", "v5e:", "v5e:x", "", "v5e:4:2"])
def test_others_are_a_sentence(text):
    with pytest.raises(InputError, match="give one of v4, v5e"):
        chips_of(text)
