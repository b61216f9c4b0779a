"""One device and four give the same inversion, and four share the work."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.xla import virtual_devices

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
import jax, numpy as np
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
import pmsfc_jax as pm
from pmsfc_jax.inversion.optimise import advance
from pmsfc_jax.inversion import run_batch
from pmsfc_jax.nn import pggan
from tests.inversion.conftest import partition

assert jax.local_device_count() == 4
config = pggan.PGGANConfig(latent_dim=6, widths=(6, 6, 4, 4))
params = pggan.pure_module(config).init(jax.random.key(7))
generator = pggan.split_generator(config, "tiny")
z = generator.spec.prior.draw(jax.random.key(3), 5)
targets = np.tanh(np.asarray(jax.jit(lambda p: generator(p, z))(params)))
shards = []
def watched(form, params, v_params, problem, state, *steps):
    leaves = jax.tree.leaves(state.best)
    shards.append([leaf.addressable_shards[0].data.shape[0] for leaf in leaves])
    return advance(form, params, v_params, problem, state, *steps)
run_batch.advance = watched
results = {}
for count in (1, 4):
    results[count] = pm.invert(
        generator, params, targets,
        subspaces=partition([0, 1, 0, 1], layer=2),
        key=jax.random.key(0),
        config=pm.InversionConfig(
            "pmsfc", codes_per_subspace=2, num_steps=20, batch_size=5, solver=pm.Adam()
        ),
        devices=jax.local_devices()[:count],
    )
    # Five images fill eight places of four devices.
    assert shards.pop() == [{1: 5, 4: 2}[count]] * 2
assert advance._cache_size() == 2, advance._cache_size()
np.savez(sys.argv[1], **{
    f"{name}{count}": getattr(result, name)
    for count, result in results.items() for name in ("losses", "reconstruction", "failed")
})
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    path = tmp_path_factory.mktemp("devices") / "results.npz"
    root = Path(__file__).resolve().parents[2]
    environment = virtual_devices(4) | {"PATH": ""}
    environment["PYTHONPATH"] = ":".join([str(root), *sys.path])
    subprocess.run([sys.executable, "-c", PROGRAM, str(path)], env=environment, check=True)
    return np.load(path)


def test_four_devices_agree_with_one(found):
    assert found["losses4"].shape == (5, 20)
    np.testing.assert_allclose(found["losses4"][:, 0], found["losses1"][:, 0], rtol=1e-5)
    np.testing.assert_allclose(found["losses4"], found["losses1"], rtol=1e-2)
    difference = found["reconstruction4"] - found["reconstruction1"]
    assert -10 * np.log10((difference**2).mean() / 4) > 40
    assert not found["failed4"].any()
