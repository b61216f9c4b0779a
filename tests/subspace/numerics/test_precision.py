import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.subspace.numerics.precision import host_device, host_float64, like_input, on_host


def test_float64_is_kept_within_the_context_only():
    with host_float64():
        third = jnp.asarray(1.0) / 3
        assert third.dtype == jnp.float64
        assert third.devices() == {host_device()}
    assert float(third) == 1 / 3
    assert jnp.asarray(np.ones(2)).dtype == jnp.float32


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
    flags = "--xla_force_host_platform_device_count=2"
    environment = {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=300)


def test_moving_to_the_host_keeps_values():
    key = jax.random.key(3)
    np.testing.assert_array_equal(jax.random.key_data(on_host(key)), jax.random.key_data(key))
