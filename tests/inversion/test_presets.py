import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion import presets
from pmsfc_jax.inversion.compose import METHODS
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.presets import METHOD_DEFAULTS, PRESETS, preset, settings_of


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("method", METHODS)
def test_every_preset_is_possible_with_every_method(name, method):
    config = InversionConfig(**settings_of(name, {"method": method}))
    assert config.method == method


def test_presets_differ_in_steps_alone():
    steps = [settings_of(name, {}).pop("num_steps") for name in ("fast", "default", "best")]
    assert steps == sorted(set(steps))
    others = [settings_of(name, {}) | {"num_steps": 1} for name in PRESETS]
    assert all(other == others[0] for other in others)


def test_what_is_given_goes_before_the_method_and_the_preset(monkeypatch):
    assert settings_of("best", {"num_steps": 7})["num_steps"] == 7
    assert settings_of("best", {"method": "mganprior"})["codes_per_subspace"] == 16
    given = {"method": "mganprior", "codes_per_subspace": 3}
    assert settings_of("best", given)["codes_per_subspace"] == 3
    # A preset of another method keeps what is that method's to itself.
    mine = {"method": "mganprior", "codes_per_subspace": 64, "num_steps": 5}
    monkeypatch.setitem(presets.PRESETS, "mine", mine)
    assert settings_of("mine", {}) == mine
    assert settings_of("mine", {"method": "pmsfc"}) == {"method": "pmsfc", "num_steps": 5}
    assert settings_of("mine", {"method": "single"})["codes_per_subspace"] == 1


def test_presets_in_python():
    assert preset("fast", num_steps=3) == InversionConfig(
        method="pmsfc_full", optimiser="lbfgs", num_steps=3
    )
    assert preset("best", method="single").codes_per_subspace == 1


def test_names():
    assert set(METHOD_DEFAULTS) <= set(METHODS)
    with pytest.raises(InputError, match="choose one of fast, default, best"):
        settings_of("other", {})
