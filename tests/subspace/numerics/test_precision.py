import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.subspace import affinity, choose_mu, self_expression, spectral_clustering
from pmsfc_jax.subspace.numerics.precision import arithmetic, like_input, namespace
from tests.xla import virtual_devices


def test_float64_is_numpy_and_float32_is_jax():
    with arithmetic("float64") as array:
        third = array(1) / 3
        assert namespace(third) is np
        assert float(third) == 1 / 3
    with arithmetic("float32") as array:
        third = array(1) / 3
        assert namespace(third) is jnp
        assert third.dtype == jnp.float32


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (np.zeros(2, np.float32), jnp.float32),
        (np.zeros(2, np.float64), jnp.float32),
        (np.zeros(2, np.int32), jnp.float32),
        (jnp.zeros(2, jnp.bfloat16), jnp.float32),
    ],
)
def test_results_come_back_in_the_dtype_of_the_input(source, expected):
    assert like_input(np.array([1 / 3]), source).dtype == expected
    if np.asarray(source).dtype == np.float64:
        with jax.enable_x64(True):
            assert float(like_input(np.array([1 / 3]), source)[0]) == 1 / 3


@pytest.mark.slow
def test_arrays_from_another_device_give_the_same_subspaces():
    script = """
import jax, numpy as np
from pmsfc_jax.subspace import affinity, self_expression, spectral_clustering
first, second = jax.devices()
features = np.random.default_rng(0).standard_normal((200, 12)).astype(np.float32)
gram = features.T @ features
found = []
for device in (first, second):
    there = jax.device_put(gram, device)
    coefficients = jax.device_put(self_expression(there).coefficients, device)
    similarity = jax.device_put(affinity(coefficients), device)
    key = jax.device_put(jax.random.key(0), device)
    labels = spectral_clustering(similarity, 3, key=key, num_restarts=4)
    assert labels.devices() == {first}, labels.devices()
    found.append((np.asarray(coefficients), np.asarray(similarity), np.asarray(labels)))
for one, other in zip(*found):
    np.testing.assert_array_equal(one, other)
"""
    environment = virtual_devices(2) | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=300)


def test_an_accelerator_alone_is_enough(monkeypatch):
    """As with JAX_PLATFORMS=tpu: no backend for the host, and no float64 in jax."""

    def refused(*arguments, **options):
        raise RuntimeError("Unknown backend cpu")

    for name in ("local_devices", "devices", "enable_x64", "default_device"):
        monkeypatch.setattr(jax, name, refused)
    features = np.random.default_rng(0).standard_normal((200, 12))
    gram = jnp.asarray(features.T @ features, jnp.float32)
    for method in ("ridge", "lasso"):
        found = affinity(self_expression(gram, method=method).coefficients, rank=5, keep_mass=0.5)
        labels = spectral_clustering(found, 3, key=jax.random.key(0), num_restarts=4)
        assert set(np.asarray(labels).tolist()) == {0, 1, 2}
    assert choose_mu(gram, gram, num=3).chosen > 0
