"""The PyTorch that is timed beside ours draws the same pictures, and has the same gradients."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.masks import masks_from_labels
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.compose import reconstruct
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.nn import stylegan2
from pmsfc_jax.nn.stylegan2 import StyleGAN2Config

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
R, K = 2, 3
WAYS = [
    {},
    {"sliced": True},
    {"sliced": True, "shifts": True},
    {"way": "grouped"},
]


@pytest.fixture(scope="module", params=[2, 3], ids=["plain layer", "doubling layer"])
def ours(request):
    """A small StyleGAN2 with random arrays; its pictures and gradients at a cut."""
    layer = request.param
    config = StyleGAN2Config(4, 5, 1, (6, 8, 4))
    rng = np.random.default_rng(0)
    params = jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype(np.float32),
        stylegan2.pure_module(config).abstract_params,
    )
    generator = stylegan2.split_generator(config)
    channels = generator.spec.feature_shape(layer)[-1]
    labels = np.arange(channels) % R
    z = rng.normal(size=(2, R, K, 5)).astype(np.float32)
    w = rng.uniform(0.3, 0.8, (2, R, K, channels)).astype(np.float32)
    target = rng.uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    masks = jnp.asarray(masks_from_labels(labels, R), jnp.float32)

    def loss(z, w):
        images, _ = reconstruct(
            Cut(generator, layer), composition_of("pmsfc"), params, Codes(z, w), masks
        )
        return jnp.square(images - target).mean((1, 2, 3)).sum(), images

    gradients, images = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(z, w)
    given = {
        "layer": layer,
        "target": target,
        "z": z,
        "w": w,
        "groups": [np.flatnonzero(labels == row).tolist() for row in range(R)],
    }
    return params, given, np.asarray(images), [np.asarray(part) for part in gradients]


@pytest.mark.torch
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_pictures_and_gradients_are_ours(ours, way, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(BENCHMARKS)
    from torch_stylegan2 import TorchInversion

    params, given, images, gradients = ours
    theirs = TorchInversion(params, **given, **way)
    drawn = theirs.draw().detach().permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(drawn, images, atol=1e-4 * np.abs(images).max())
    theirs.losses().sum().backward()
    for own, part in zip(gradients, (theirs.z.grad, theirs.w.grad), strict=True):
        np.testing.assert_allclose(part.numpy(), own, atol=1e-3 * np.abs(own).max())
    sys.modules.pop("torch_stylegan2")
