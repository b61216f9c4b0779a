"""DCGAN generators (Radford, Metz, Chintala: arXiv:1511.06434) and their many relatives.

A list of stages from a latent code to an image. Each is a convolution (transposed, plain, or dense
for a first layer that is one), a bias, and an activation; the activation of the last stage is the
network's output. Batch norm does not occur: at inference it multiplies and shifts each channel, and
converters fold it into kernel and bias.

Layer ``i`` is stage ``i``; the feature at its cut is the tensor after its activation. The last
stage makes the image and cannot be cut after.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from pmsfc_jax.core.generator import (
    GeneratorSpec,
    SplitGenerator,
    latent_vector,
    normal_prior,
    uniform_prior,
)
from pmsfc_jax.core.typing import Array
from pmsfc_jax.nn.dcgan_config import DCGANConfig as DCGANConfig
from pmsfc_jax.nn.dcgan_config import Stage as Stage
from pmsfc_jax.nn.dcgan_config import config_from_dict as config_from_dict
from pmsfc_jax.nn.functional import Channels, Groups, PureModule, split
from pmsfc_jax.nn.layers import conv2d, leaky_relu, upsample_nearest
from pmsfc_jax.nn.transposed import strided_conv2d, transposed_conv2d

FAMILY = "dcgan"


class _Weights(nnx.Module):
    def __init__(self, config: DCGANConfig, layer: int, *, rngs: nnx.Rngs):
        shape = config.kernel_shape(layer)
        # Each output pixel meets about (kernel / stride)^2 pixels of a transposed convolution.
        stage = config.stages[layer]
        taps = 1.0 if not layer else (stage.kernel / stage.stride) ** 2
        incoming = shape[0] if stage.kind == "dense" else shape[2]
        scale = (2 / (incoming * max(taps, 1.0))) ** 0.5
        self.kernel = nnx.Param(scale * jax.random.normal(rngs.params(), shape))
        self.bias = nnx.Param(jnp.zeros(config.bias_shape(layer)))


class DCGAN(nnx.Module):
    """The generator as an NNX module; use it through `split_generator`.

    Params: ``stage{i}/kernel [k, k, I, O]`` with ``stage{i}/bias [O]``; for a dense stage
    ``[d, k, k, O]`` and ``[k, k, O]``.
    """

    def __init__(self, config: DCGANConfig, *, rngs: nnx.Rngs):
        self.config = config
        for layer in range(len(config.stages)):
            setattr(self, f"stage{layer}", _Weights(config, layer, rngs=rngs))

    def head(self, z: Array, layer: int) -> Array:
        """``z [b, d] -> h [b, H, W, C]``, the feature at ``layer``."""
        return self._run(z[:, None, None, :], 0, layer + 1)

    def head_sliced(self, z: Array, layer: int, groups: Groups) -> list[Array]:
        """``z [n, r, d]`` to the channels ``groups[i]`` of the feature of each ``z[:, i]``."""
        below = self._run(z.reshape(-1, 1, 1, z.shape[-1]), 0, layer)
        parts = below.reshape(*z.shape[:2], *below.shape[1:])
        return [self._stage(parts[:, i], layer, group) for i, group in enumerate(groups)]

    def tail(self, h: Array, layer: int) -> Array:
        """``h [b, H, W, C] -> x [b, R, R, 3]``, from the feature at ``layer``."""
        x = self._run(h, layer + 1, len(self.config.stages))
        return jnp.tanh(x) if self.config.output == "tanh" else x

    def _run(self, x: Array, first: int, stop: int) -> Array:
        for layer in range(first, stop):
            x = self._stage(x, layer)
        return x

    def _stage(self, x: Array, layer: int, channels: Channels | None = None) -> Array:
        stage, weights = self.config.stages[layer], getattr(self, f"stage{layer}")
        kernel, bias = weights.kernel[...], weights.bias[...]
        if channels is not None:
            chosen = np.array(channels)
            kernel, bias = kernel[..., chosen], bias[..., chosen]
        bias = bias[None] if bias.ndim == 3 else bias.reshape(1, 1, 1, -1)
        return _activate(_convolve(x, kernel, stage) + bias, stage)


def _convolve(x: Array, kernel: Array, stage: Stage) -> Array:
    if stage.kind == "dense":
        flat = x.reshape(x.shape[0], -1) @ kernel.reshape(kernel.shape[0], -1)
        return flat.reshape(-1, *kernel.shape[1:])
    if stage.kind == "transposed":
        return transposed_conv2d(
            x, kernel, stride=stage.stride, padding=stage.padding, extra=stage.output_padding
        )
    if stage.upsample > 1:
        x = upsample_nearest(x, stage.upsample)
    if stage.stride == 1 and stage.kernel == 2 * stage.padding + 1:
        return conv2d(x, kernel)
    return strided_conv2d(x, kernel, stride=stage.stride, padding=stage.padding)


def _activate(x: Array, stage: Stage) -> Array:
    if stage.activation == "relu":
        return leaky_relu(x, 0.0)
    if stage.activation == "elu":
        return jax.nn.elu(x, stage.slope)
    return leaky_relu(x, stage.slope) if stage.activation == "leaky_relu" else x


def pure_module(config: DCGANConfig) -> PureModule:
    """The generator's structure, to initialise or apply with explicit params."""
    return PureModule(lambda rngs: DCGAN(config, rngs=rngs))


def split_generator(config: DCGANConfig, name: str = FAMILY) -> SplitGenerator:
    """The generator of ``config`` as pure head and tail functions."""
    prior = uniform_prior if config.prior == "uniform" else normal_prior
    sides, widths = config.sides, [stage.width for stage in config.stages]
    spec = GeneratorSpec(
        name=name,
        latent=latent_vector(config.latent_dim),
        image_shape=(sides[-1], sides[-1], 3),
        feature_shapes=tuple(
            (side, side, width) for side, width in zip(sides[:-1], widths[:-1], strict=True)
        ),
        prior=prior(config.latent_dim),
    )
    return split(pure_module(config), spec, program=(FAMILY, config), sliced=True)
