"""Settings that no inversion could run with are refused where they are made."""

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.config import InversionConfig


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"optimiser": "newton"}, "optimiser is 'newton': choose one of adam, sgd, lbfgs"),
        ({"pixel_norm": "l3"}, "pixel_norm is 'l3'"),
        ({"perceptual_norm": "max"}, "perceptual_norm is 'max'"),
        ({"num_candidates": 0}, "num_candidates must be at least 1"),
        ({"history": 0}, "history must be at least 1"),
        ({"inner_steps": 0}, "inner_steps must be at least 1"),
        ({"weight_learning_rate": 0.0}, "weight_learning_rate must be positive"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive and finite"),
        ({"damping": float("inf")}, "damping must be positive and finite"),
        ({"latent_weight": -1.0}, "latent_weight must be 0 or more"),
        ({"coarse_weight": float("inf")}, "coarse_weight must be 0 or more and finite"),
        ({"pixel_weight": 0.0, "latent_weight": 1.0}, "nothing would be compared"),
        ({"base_weight": 1.0}, "others have no base picture"),
        ({"method": "released"}, "released needs a positive one"),
        ({"optimiser": "variable_projection"}, "pmsfc has none"),
        (
            {"method": "single", "codes_per_subspace": 1, "optimiser": "variable_projection"},
            "single has none",
        ),
    ],
)
def test_impossible_settings_say_what_to_do(fields, message):
    with pytest.raises(InputError, match=message):
        InversionConfig(**fields)


def test_the_rate_of_weights_is_that_of_codes_unless_given():
    assert InversionConfig(learning_rate=0.2).rate_of_weights == 0.2
    assert InversionConfig(learning_rate=0.2, weight_learning_rate=0.3).rate_of_weights == 0.3


def test_coarse_terms_alone_are_an_objective():
    assert InversionConfig(pixel_weight=0.0, coarse_weight=1.0).coarse_weight == 1
