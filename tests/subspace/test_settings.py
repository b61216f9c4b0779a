"""Settings are complete, plain, checked where they are made, and come back from any format."""

import json

import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace import (
    ByCoefficients,
    ByCosine,
    ByEffect,
    Clustering,
    DiscoverySettings,
    ElasticNet,
    Lasso,
    Latents,
    Paper,
    PaperOptions,
    Ridge,
)
from pmsfc_jax.subspace.settings import settings_from_record


def test_a_record_is_plain_and_complete():
    settings = DiscoverySettings(
        Latents(150, batch_size=32),
        Ridge(mu=0.1),
        ByCoefficients(keep_mass=0.9, rank=7, affinity_power=2.0),
        Clustering(10),
    )
    assert json.loads(json.dumps(settings.as_record())) == {
        "latents": {"num_samples": 150, "num_held_out": 38, "batch_size": 32},
        "method": {"name": "ridge", "mu": 0.1, "precision": "float64"},
        "relation": {
            "name": "self_expression",
            "keep_mass": 0.9,
            "rank": 7,
            "affinity_power": 2.0,
        },
        "clustering": {"num_restarts": 10, "enough": 10},
    }


@pytest.mark.parametrize(
    "settings",
    [
        DiscoverySettings(),
        DiscoverySettings(method=Lasso(mu=0.5, max_iterations=9), relation=ByCosine()),
        DiscoverySettings(method=ElasticNet(), relation=ByEffect(3)),
        DiscoverySettings(method=Paper(options=PaperOptions(image_weight=3.0, num_steps=7))),
    ],
)
def test_settings_come_back_from_a_file(settings):
    read = settings_from_record(json.loads(json.dumps(settings.as_record())))
    assert read == settings
    assert hash(read) == hash(settings)


#: As version 0.1 wrote it.
FLAT = {
    "generator": "tiny",
    "num_samples": 150,
    "num_held_out": 38,
    "batch_size": 32,
    "method": "ridge",
    "mu": 0.1,
    "keep_mass": 0.9,
    "rank": 7,
    "affinity_power": 2.0,
    "num_restarts": 10,
    "precision": "float32",
    "paper": None,
    "relation": "self_expression",
}


def test_settings_of_format_1_are_read():
    assert settings_from_record(FLAT) == DiscoverySettings(
        Latents(150, 38, 32),
        Ridge(0.1, "float32"),
        ByCoefficients(0.9, 7, 2.0),
        Clustering(10),
    )
    options = {
        "image_weight": 3.0,
        "num_steps": 7,
        "learning_rate": 0.01,
        "batch_size": 8,
        "num_held_out": 256,
        "start": "lasso",
    }
    paper = FLAT | {"method": "paper", "paper": options, "relation": "effect"}
    found = settings_from_record(paper)
    assert found.method == Paper(0.1, "float32", PaperOptions(image_weight=3.0, num_steps=7))
    assert found.relation == ByEffect(32)
    # The first files knew neither precision nor paper nor relation.
    oldest = {k: v for k, v in FLAT.items() if k not in ("precision", "paper", "relation")}
    assert settings_from_record(oldest).method == Ridge(0.1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Latents(0), "num_samples is 0"),
        (lambda: Latents(1, 0), "num_held_out is 0"),
        (lambda: Latents(1, batch_size=1.5), "batch_size is 1.5"),
        (lambda: Ridge(precision="float16"), "unknown precision 'float16'"),
        (lambda: Ridge(mu=-1.0), "mu is -1"),
        (lambda: Paper(mu=float("nan")), "mu is nan"),
        (lambda: Lasso(mu="best"), "mu is 'best': give a number, or 'held_out'"),
        (lambda: Lasso(tolerance=2), "tolerance is 2"),
        (lambda: ElasticNet(max_iterations=0), "max_iterations is 0"),
        (lambda: ByCoefficients(keep_mass=2), "keep_mass is 2"),
        (lambda: ByCoefficients(rank=0), "rank is 0"),
        (lambda: ByCoefficients(affinity_power=-1), "affinity_power is -1"),
        (lambda: ByEffect(0), "num_pairs is 0"),
        (lambda: Clustering(0), "num_restarts is 0"),
        (lambda: Clustering(enough=0), "enough is 0"),
        (lambda: DiscoverySettings(method="lasso"), r"method is 'lasso': .* such as Lasso\(\)"),
        (
            lambda: settings_from_record(FLAT | {"method": "magic"}),
            "unknown method 'magic': choose one of ridge, .*, paper",
        ),
        (
            lambda: settings_from_record(FLAT | {"relation": "kinship"}),
            "choose one of self_expression, cosine, correlation, effect",
        ),
    ],
)
def test_mistakes_are_told_where_settings_are_made(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
