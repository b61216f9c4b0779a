"""Columns, rows and tables of restorations."""

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.evaluation.restoration.columns import COLUMNS
from pmsfc_jax.evaluation.restoration.measure import Restored, given, measured
from pmsfc_jax.evaluation.restoration.rows import DEFAULT_ROWS, check_rows, mixed_of, row_of
from pmsfc_jax.evaluation.restoration.tables import best_baseline, beyond_best, summary

TRUTH = np.random.default_rng(0).integers(60, 200, (2, 16, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_the_same_every_time_and_fits_its_operator(name):
    one, two = given(name, TRUTH, 0), given(name, TRUTH, 0)
    np.testing.assert_array_equal(one.observed.target, two.observed.target)
    shape = one.degradation.operator.shape((16, 16, 3))
    assert one.observed.target.shape == (2, *shape)
    assert not np.array_equal(one.observed.target, TRUTH)


def test_a_cell_measures_what_it_says():
    column = given("colour", TRUTH, 0)
    same = measured(column, Restored(TRUTH, None), None)
    assert same["chroma"] == [0, 0]
    assert max(same["fidelity"]) < 0.6
    assert "correlation" not in same
    other = TRUTH.copy()
    other[:, :8, :, 0] += 20
    uncertainty = np.zeros((2, 16, 16))
    uncertainty[:, :8] = 10.0 + np.arange(8)[:, None]
    found = measured(column, Restored(other, uncertainty), lambda a, b: np.full(len(a), 0.5))
    assert found["distance"] == [0.5, 0.5]
    mse = 400 / 2 / 3
    np.testing.assert_allclose(found["psnr"], 20 * np.log10(255 / np.sqrt(mse)), rtol=1e-4)
    expected = np.sqrt(400 / 3) / np.sqrt(np.mean(np.square(10.0 + np.arange(8))))
    assert found["error_over_uncertainty"] == pytest.approx(expected)
    # Red moved by 20: luma by 0.299 of it, and all colours away from luma by the rest.
    luma = 0.299 * 20
    chroma = np.sqrt(((20 - luma) ** 2 + 2 * luma**2) / 3 / 2)
    np.testing.assert_allclose(found["chroma"], chroma, rtol=1e-3)
    np.testing.assert_allclose(found["fidelity"], luma / np.sqrt(2), atol=0.4)


def test_rows():
    check_rows((*DEFAULT_ROWS, "mganprior_published", "ours_16"))
    for name in ("ours_0", "ours", "ours_4x", "nearest"):
        with pytest.raises(InputError, match=f"row {name} is unknown"):
            check_rows((name,))
    assert (mixed_of("mixed_8"), mixed_of("ours_8")) == ("ours_8", None)
    row = row_of("ours_4", layer=3, steps=None, batch_size=32)
    assert (row.samples, row.inversion.layer, row.inversion.codes_per_subspace) == (4, 3, 4)
    assert row.inversion == row_of("ours_8", layer=3, steps=None, batch_size=32).inversion
    assert row_of("pmsfc_4x4_random", layer=3, steps=20, batch_size=8).partition == "random"
    assert (
        row_of("mganprior_published", layer=3, steps=20, batch_size=8).inversion.num_steps == 3000
    )


def test_a_table_says_who_is_best_and_by_how_much():
    def record(level, baseline):
        values = [level, level + 2]
        return {
            "baseline": baseline,
            "psnr": values,
            "ssim": None,
            "distance": None,
            "chroma": [1.0, 2.0],
            "fidelity": [0.5, 0.5],
        }

    column = {"bad": record(20, True), "good": record(22, True), "ours_4": record(23.5, False)}
    column["ours_4"] |= {"correlation": 0.5, "error_over_uncertainty": 1.25}
    assert best_baseline(column) == "good"
    assert beyond_best(column, "ours_4", seed=0) == (1.5, 1.5, 1.5)
    assert beyond_best(column, "absent", seed=0) is None
    text = summary({"hole": column}, ["bad", "good"], ["ours_4"], seed=0)
    assert "| good | 23.00 (22.00 to 24.00) |" in text
    assert "| ours_4 | +1.50 (+1.50 to +1.50) |" in text
    assert "| *best baseline* | good |" in text
    assert "| ours_4 | 0.50; 1.25 |" in text
    assert "SSIM" not in text
