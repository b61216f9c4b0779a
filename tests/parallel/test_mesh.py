import subprocess
import sys

import jax
import numpy as np
import pytest

from pmsfc_jax.parallel.mesh import DATA, data_mesh, padded_size, replicate, shard_batch
from tests.xla import virtual_devices

PROGRAM = """
import jax, numpy as np
from pmsfc_jax.parallel.mesh import data_mesh, padded_size, replicate, shard_batch
mesh = data_mesh()
assert mesh.size == 4 and padded_size(5, mesh) == 8
x = shard_batch({"a": np.arange(24.0).reshape(8, 3)}, mesh)["a"]
assert [s.data.shape for s in x.addressable_shards] == [(2, 3)] * 4
y = shard_batch(np.arange(24.0).reshape(3, 8), mesh, axis=1)
assert [s.data.shape for s in y.addressable_shards] == [(3, 2)] * 4
w = replicate(np.ones((3, 2)), mesh)
assert [s.data.shape for s in w.addressable_shards] == [(3, 2)] * 4
out = jax.jit(lambda x, w: x @ w)(x, w)
assert [s.data.shape for s in out.addressable_shards] == [(2, 2)] * 4
np.testing.assert_array_equal(out, np.arange(24.0).reshape(8, 3) @ np.ones((3, 2)))
"""


def test_a_batch_is_split_over_four_devices_and_stays_split():
    environment = virtual_devices(4) | {"PATH": ""}
    environment["PYTHONPATH"] = ":".join(sys.path)
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True)


def test_one_device():
    mesh = data_mesh(jax.local_devices()[:1])
    assert mesh.axis_names == (DATA,)
    x = np.arange(6.0, dtype=np.float32).reshape(3, 2)
    np.testing.assert_array_equal(shard_batch(x, mesh), x)
    np.testing.assert_array_equal(replicate(x, mesh), x)


@pytest.mark.parametrize(("count", "padded"), [(1, 1), (5, 5)])
def test_padded_size_of_one_device(count, padded):
    assert padded_size(count, data_mesh(jax.local_devices()[:1])) == padded
