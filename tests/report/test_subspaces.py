import dataclasses
import html
import json

import jax
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.masks import masks_from_labels
from pmsfc_jax.effects.comparison import beside_random
from pmsfc_jax.effects.exchange import exchange_grid
from pmsfc_jax.report import subspaces as report
from pmsfc_jax.subspace import Discovery, DiscoverySettings, subspaces_from_labels
from tests.effects.painter import CHANNELS, HEIGHT, LABELS, WIDTH, painter
from tests.report.test_html import read


@pytest.fixture(scope="module")
def found():
    labels = LABELS[[3, 0, 4, 1, 5, 2]]  # 1 0 1 0 1 0
    coefficients = np.random.default_rng(0).standard_normal((CHANNELS, CHANNELS))
    discovery = Discovery(
        eigenvalues=np.array([1, 0.9, 0.1, 0.1, 0.1, 0.0]),
        coefficients=coefficients * (1 - np.eye(CHANNELS)),
        isolated=np.array([False] * 5 + [True]),
        residual=0.25,
        held_out_residual=float("nan"),
        settings=DiscoverySettings(),
        advice="take more latents",
    )
    given = subspaces_from_labels(labels, 0)
    return dataclasses.replace(given, generator="painter <x>", discovery=discovery)


@pytest.fixture(scope="module")
def beside(found):
    own = painter()
    return beside_random(
        own.generator,
        own.params,
        masks_from_labels(LABELS, 2),
        layer=0,
        key=jax.random.key(0),
        num_random=5,
        num_pairs=6,
        distance=lambda a, b: np.square(a - b).mean((1, 2, 3)),
    )


@pytest.fixture(scope="module")
def grids(found, beside):
    own = painter()
    return [
        exchange_grid(own.generator, own.params, masks, layer=0, key=jax.random.key(1), num_pairs=2)
        for masks in (found.masks, beside.random_masks[0])
    ]


@pytest.fixture(scope="module")
def pictures(found, beside, grids):
    return report.subspace_pictures(found, beside, *grids)


def test_channels_lie_in_blocks_the_strongest_first(found):
    order, starts = report.channel_order(found.masks, found.discovery.coefficients)
    assert starts == [3]
    assert sorted(order[:3]) == [1, 3, 5]
    assert sorted(order[3:]) == [0, 2, 4]
    size = np.abs(found.discovery.coefficients)
    mass = [sum(size[c, d] + size[d, c] for d in (1, 3, 5)) for c in order[:3]]
    assert mass == sorted(mass, reverse=True)


def test_pictures_are_there_and_exchanges_lie_in_their_columns(pictures):
    assert set(pictures) == set(report.CAPTIONS)
    for name, picture in pictures.items():
        assert picture.dtype == np.uint8, name
        assert picture.shape[2] == 3
        assert picture.std() > 5, name  # not blank
    assert pictures["exchanges"].shape == pictures["exchanges_random"].shape
    assert not np.array_equal(pictures["exchanges"], pictures["exchanges_random"])
    assert pictures["exchanges"].shape[1] > 4 * WIDTH * (128 // WIDTH)
    assert pictures["exchanges"].shape[0] > 2 * HEIGHT * (128 // WIDTH)


def test_numbers_are_valid_json(found, beside):
    numbers = report.diagnostics(found, beside, {"seed": 3})
    read_back = json.loads(json.dumps(numbers, allow_nan=False))
    assert read_back["seed"] == 3
    assert read_back["held_out_residual"] is None
    assert read_back["sizes"] == [3, 3]
    assert read_back["isolated_channels"] == 1
    overlap = read_back["measures"]["overlap"]
    assert overlap["claim"] == "separately"
    assert overlap["smaller_is_more"]
    assert len(overlap["random"]) == 5
    expected = "more" if min(overlap["random"]) > overlap["value"] else "same"
    assert overlap["verdict"] == expected
    assert len(read_back["effects"]["change"]) == 2
    without = report.diagnostics(found, None, {})
    assert "measures" not in without
    assert without["residual"] == 0.25


def test_verdicts_follow_the_sign_of_a_measure(beside):
    row = beside.measures["overlap"]
    spread = beside.measures["colour_spread"]
    for value, expected in ((2.0, "less"), (-2.0, "more")):
        changed = beside._replace(
            measures={"overlap": row._replace(value=value, random=np.zeros(3))}
        )
        assert report.verdict(changed, "overlap") == expected
    changed = beside._replace(
        measures={"colour_spread": spread._replace(value=1.0, random=np.zeros(3))}
    )
    assert report.verdict(changed, "colour_spread") == "more"
    changed = beside._replace(measures={"overlap": row._replace(value=0.5, random=np.arange(2))})
    assert report.verdict(changed, "overlap") == "same"


def test_the_page_tells_sizes_measures_and_command(found, beside, pictures, grids):
    page = report.subspace_page(
        found, beside, pictures, grids, command="pmsfc discover 'a b'", settings={"seed": 0}
    )
    parser = read(page)
    # Two charts, two maps each, and two grids of two pairs: source, two subspaces, partner.
    assert len(parser.sources) == 2 + 2 * 2 + 2 * 2 * 4
    assert all(html.escape(caption) in page for caption in report.CAPTIONS.values())
    assert all(source.startswith("data:image/png;base64,") for source in parser.sources)
    for text in (
        "Subspaces of layer 0 of painter &lt;x&gt;",
        "2 subspaces of 3, 3 channels",
        "Beside 5 random partitions",
        "take more latents",
        "pmsfc discover &#x27;a b&#x27;",
        "0.2500",
        f"{beside.measures['alignment'].random.mean():.3f}",
    ):
        assert text in page, text
    header, rows, verdicts = report.measure_rows(beside)
    assert all(len(row) == len(header) for row in rows)
    assert len(rows) == len(verdicts) == len(beside.measures)


def test_what_was_not_discovered_cannot_be_reported():
    with pytest.raises(InputError, match="not discovered"):
        report.diagnostics(subspaces_from_labels(LABELS, 0), None, {})
