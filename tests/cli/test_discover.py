import numpy as np

from pmsfc_jax.api import load_subspaces


def test_a_lasso_with_the_penalty_and_the_number_of_subspaces_chosen(pmsfc, tmp_path):
    code, out, err = pmsfc(
        *("discover", "plain", "--layer", "3", "--num-samples", "200"),
        *("--method", "lasso", "--mu", "held_out", "--out", tmp_path / "found"),
    )
    assert code == 0, err
    found = load_subspaces(tmp_path / "found")
    assert found.settings.method == "lasso"
    assert f"lasso with mu {found.settings.mu:.4g}" in out
    assert 2 <= found.num_subspaces <= 16
    assert f"{found.num_subspaces} subspaces" in out
    share_of_zeros = np.mean(np.asarray(found.coefficients) == 0)
    assert 1 / len(found.labels) < share_of_zeros < 1
