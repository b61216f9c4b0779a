"""Settings that no inversion could run with are refused where they are made."""

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.compositions import COMPOSITIONS
from pmsfc_jax.inversion.config import InversionConfig, Objective
from pmsfc_jax.inversion.presets import PRESETS, preset
from pmsfc_jax.inversion.solvers import LBFGS, SGD, SOLVERS, Adam, VariableProjection


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimiser": "newton"}, "no optimiser 'newton': choose one of adam, sgd, lbfgs"),
        ({"composition": "other"}, "no composition 'other': choose one of pmsfc, "),
        ({"pixel_norm": "l3"}, "pixel_norm is 'l3'"),
        ({"perceptual_norm": "max"}, "perceptual_norm is 'max'"),
        ({"precision": "float32"}, "precision is 'float32'"),
        ({"num_candidates": 0}, "num_candidates must be at least 1"),
        ({"codes_per_subspace": 0}, "codes_per_subspace must be at least 1"),
        ({"num_steps": 0}, "num_steps must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"history": 0}, "history must be at least 1"),
        ({"optimiser": "levenberg_marquardt", "inner_steps": 0}, "inner_steps must be at least 1"),
        ({"optimiser": "adam", "weight_learning_rate": 0.0}, "weight_learning_rate must be posit"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive and finite"),
        ({"optimiser": "levenberg_marquardt", "damping": float("inf")}, "damping must be positive"),
        ({"latent_weight": -1.0}, "latent_weight must be 0 or more"),
        ({"coarse_weight": float("inf")}, "coarse_weight must be 0 or more and finite"),
        ({"pixel_weight": 0.0, "latent_weight": 1.0}, "nothing would be compared"),
        ({"base_weight": 1.0}, "it has no base picture"),
        ({"composition": "released", "base_weight": 0.0}, "it needs a positive one"),
        ({"composition": "single", "codes_per_subspace": 2}, "single has 1 code: set"),
        ({"composition": "pmsfc", "optimiser": "variable_projection"}, "pmsfc has none"),
        ({"composition": "single", "optimiser": "variable_projection"}, "single has none"),
        ({"damping": 1.0}, "damping is a setting of levenberg_marquardt, variable_projection, not"),
        ({"stepsize": 1.0}, "no setting stepsize"),
        ({"solver": Adam(), "history": 3}, "solver and history are both given"),
        ({"objective": Objective(), "pixel_norm": "l1"}, "objective and pixel_norm are both given"),
    ],
)
def test_impossible_settings_say_what_to_do(settings, message):
    with pytest.raises(InputError, match=message):
        preset(**settings)


def test_a_solver_is_given_by_its_settings():
    with pytest.raises(InputError, match=r"such as LBFGS\(\)"):
        InversionConfig(solver="adam")


def test_the_rate_of_weights_is_that_of_codes_unless_given():
    assert Adam(learning_rate=0.2).rates()[:2] == (0.2, 0.2)
    assert SGD(learning_rate=0.2, weight_learning_rate=0.3).rates()[:2] == (0.2, 0.3)
    assert VariableProjection(learning_rate=0.2, context_learning_rate=0.1).rates().context == 0.1


def test_a_form_forgets_what_is_traced_and_nothing_else():
    assert LBFGS(learning_rate=3.0, history=7).form() == LBFGS(history=7)
    assert VariableProjection(damping=2.0, inner_steps=5).form() == VariableProjection(
        inner_steps=5
    )


def test_coarse_terms_alone_are_an_objective():
    assert Objective(pixel_weight=0.0, coarse_weight=1.0).coarse_weight == 1


def test_there_is_one_default():
    assert InversionConfig() == preset() == preset("default")
    assert InversionConfig().solver == LBFGS()


def test_a_composition_brings_its_own_defaults():
    assert InversionConfig("mganprior").codes_per_subspace == 16
    assert InversionConfig("single").codes_per_subspace == 1
    assert InversionConfig("released").objective == Objective(pixel_weight=0.01, base_weight=1.0)
    assert preset(composition="released", pixel_weight=0.5).objective.base_weight == 1


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("composition", COMPOSITIONS)
def test_every_preset_is_possible_with_every_composition(name, composition):
    assert preset(name, composition=composition).composition == composition


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_knows_its_name(name):
    assert SOLVERS[name]().name == name
    assert preset(optimiser=name).solver == SOLVERS[name]()


def test_presets_differ_in_steps_alone():
    steps = [preset(name).num_steps for name in ("fast", "default", "best")]
    assert steps == sorted(set(steps))
    assert len({preset(name, num_steps=1) for name in PRESETS}) == 1


def test_what_is_given_goes_before_the_preset():
    assert preset("best", num_steps=7).num_steps == 7
    chosen = preset(objective=Objective(pixel_norm="l1"), solver=Adam())
    assert (chosen.objective.pixel_norm, chosen.solver) == ("l1", Adam())
    with pytest.raises(InputError, match="choose one of fast, default, best"):
        preset("other")
