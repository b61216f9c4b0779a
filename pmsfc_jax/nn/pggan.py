"""The progressive GAN generator (Karras, Aila, Laine, Lehtinen: ICLR 2018) in all its dialects.

A stack of 3x3 convolutions, two a resolution from 4x4 up, the first one of each higher resolution
after a doubling. The published codebases differ in where the pixel norm stands and in constants;
those are fields of `PGGANConfig`. Run-time weight scales (equalised rates) are not: a kernel here
is the one that meets the features. Converters and the trainer multiply the scale in.

Layer ``i`` is convolution ``i``; the feature at its cut is the tensor after its activation and
before the next pixel norm. Codebases that normalise after the activation compute the same function
as those that normalise before the next convolution, so one order serves both, and the feature at a
cut depends on each output channel of convolution ``i`` separately.
"""

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import GeneratorSpec, SplitGenerator, latent_vector, normal_prior
from pmsfc_jax.core.typing import Array
from pmsfc_jax.nn.config import config_from
from pmsfc_jax.nn.functional import Channels, Groups, PureModule, split
from pmsfc_jax.nn.layers import (
    conv2d,
    leaky_relu,
    pixel_norm,
    upsample_bilinear,
    upsample_conv2d,
    upsample_nearest,
)

FAMILY = "pggan"


@dataclass(frozen=True)
class PGGANConfig:
    """Architecture of one PGGAN generator; plain values only, so that it is its own JSON.

    Attributes:
      latent_dim: length of a latent code.
      widths: output channels of convolution 0, 1, ...; ``first_block`` of them at 4x4, then two a
        resolution.
      norm: ``"input"`` normalises what a convolution reads (the original and its descendants),
        ``"preactivation"`` what it gives, before the activation (rosinality, odegeasslbc).
      unnormalised: convolutions that take no pixel norm, for ``norm="input"``; the RGB layer counts
        as convolution ``len(widths)`` and convolution 0's norm is that of the latent code.
      latent_norm: for ``norm="preactivation"``, whether the latent code is normalised.
      slope: of the leaky ReLU.
      upsample: ``"nearest"`` or ``"bilinear"``.
      output: ``"linear"``, ``"tanh"``, or ``"clip"`` to [-1, 1].
      fade: share in [0, 1) of the image of the resolution below, doubled; 0 where growing is over.
      extra_doublings: how often the finished image is doubled (nearest); a whole lod above zero.
      label_dim: length of a constant vector put after the normalised code: a class embedding, or a
        1 whose row of the first kernel is a bias of its own for each pixel (pytorch_GAN_zoo).
      first_block: convolutions at 4x4, the one that reads the code included (odegeasslbc has 3).

    """

    latent_dim: int
    widths: tuple[int, ...]
    norm: Literal["input", "preactivation"] = "input"
    unnormalised: tuple[int, ...] = ()
    latent_norm: bool = True
    slope: float = 0.2
    upsample: Literal["nearest", "bilinear"] = "nearest"
    output: Literal["linear", "tanh", "clip"] = "linear"
    fade: float = 0.0
    extra_doublings: int = 0
    label_dim: int = 0
    first_block: int = 2

    def __post_init__(self) -> None:
        """Check values and turn JSON's lists into tuples.

        Raises:
          InputError: a value is impossible.

        """
        for field in ("widths", "unnormalised"):
            object.__setattr__(self, field, tuple(int(v) for v in getattr(self, field)))
        above = len(self.widths) - self.first_block
        if self.first_block < 1 or above < 0 or above % 2 or min(self.widths) < 1:
            raise InputError(
                f"a PGGAN has {self.first_block} convolutions at 4x4 and two a resolution above, "
                f"not widths {self.widths}"
            )
        for field, known in (
            ("norm", ("input", "preactivation")),
            ("upsample", ("nearest", "bilinear")),
            ("output", ("linear", "tanh", "clip")),
        ):
            if getattr(self, field) not in known:
                raise InputError(f"PGGAN {field} is {getattr(self, field)!r}, not one of {known}")
        if not 0 <= self.fade < 1 or (self.fade and not above):
            raise InputError(f"PGGAN fade is {self.fade}: it lies in [0, 1), and 4x4 cannot fade")
        if self.latent_dim < 1 or self.extra_doublings < 0 or self.label_dim < 0:
            raise InputError("PGGAN latent_dim, extra_doublings and label_dim cannot be negative")

    @property
    def top_resolution(self) -> int:
        """Side of the last convolution's output."""
        return self.layer_resolution(len(self.widths) - 1)

    @property
    def resolution(self) -> int:
        """Side of the image."""
        return self.top_resolution * 2**self.extra_doublings

    def layer_resolution(self, layer: int) -> int:
        """Side of the output of convolution ``layer``."""
        return int(4 * 2 ** max(0, (layer - self.first_block) // 2 + 1))

    def doubles(self, layer: int) -> bool:
        """Whether convolution ``layer`` reads a map of half its own resolution."""
        return layer > 0 and self.layer_resolution(layer) > self.layer_resolution(layer - 1)


class _Conv(nnx.Module):
    """Kernel and bias, He-initialised."""

    def __init__(self, shape: tuple[int, ...], fan_in: int, *, rngs: nnx.Rngs, gain: float = 2.0):
        scale = (gain / fan_in) ** 0.5
        self.kernel = nnx.Param(scale * jax.random.normal(rngs.params(), shape))
        self.bias = nnx.Param(jnp.zeros((shape[-1],)))


def _weights(conv: Any, channels: Channels | None) -> tuple[Array, Array]:
    """Kernel and bias of a convolution, for some of its output channels or all."""
    kernel, bias = conv.kernel[...], conv.bias[...]
    if channels is None:
        return kernel, bias
    chosen = np.array(channels)
    return kernel[..., chosen], bias[chosen]


class PGGAN(nnx.Module):
    """The generator as an NNX module; use it through `split_generator`.

    Params: ``conv0/kernel [d + label_dim, 4, 4, C]``, ``conv{i}/kernel [3, 3, I, O]``,
    ``rgb{R}/kernel [C, 3]`` for the top resolution R (and the one below where it fades), a ``bias``
    beside each kernel, and ``label [label_dim]`` where there is one.
    """

    def __init__(self, config: PGGANConfig, *, rngs: nnx.Rngs):
        self.config = config
        fan_in = config.latent_dim + config.label_dim
        self.conv0 = _Conv((fan_in, 4, 4, config.widths[0]), fan_in, rngs=rngs)
        for layer in range(1, len(config.widths)):
            width_in, width = config.widths[layer - 1 : layer + 1]
            setattr(self, f"conv{layer}", _Conv((3, 3, width_in, width), 9 * width_in, rngs=rngs))
        for layer in self._rgb_layers():
            width = config.widths[layer]
            rgb = _Conv((width, 3), width, rngs=rngs, gain=1.0)
            setattr(self, f"rgb{config.layer_resolution(layer)}", rgb)
        if config.label_dim:
            self.label = nnx.Param(jnp.zeros((config.label_dim,)))

    def _rgb_layers(self) -> tuple[int, ...]:
        top = len(self.config.widths) - 1
        return (top - 2, top) if self.config.fade else (top,)

    def head(self, z: Array, layer: int) -> Array:
        """``z [b, d] -> h [b, H, W, C]``, the feature at ``layer``."""
        return self._convolve(self._first(z), 0, layer)

    def head_sliced(self, z: Array, layer: int, groups: Groups) -> list[Array]:
        """``z [n, r, d]`` to the channels ``groups[i]`` of the feature of each ``z[:, i]``.

        For ``norm == "input"`` only: where a norm follows the convolution, every channel depends
        on all.
        """
        if not layer:
            return [self._first(z[:, i], group) for i, group in enumerate(groups)]
        below = self.head(z.reshape(-1, z.shape[-1]), layer - 1)
        parts = below.reshape(*z.shape[:2], *below.shape[1:])
        return [self._layer(parts[:, i], layer, group) for i, group in enumerate(groups)]

    def tail(self, h: Array, layer: int, fade: Array | None = None) -> Array:
        """``h [b, H, W, C] -> x [b, R, R, 3]``, from the feature at ``layer``.

        ``fade`` overrides the configured share with a traced scalar while training.
        """
        config = self.config
        top = len(config.widths) - 1
        if config.fade and layer <= top - 2:
            below = self._convolve(h, layer, top - 2)
            x = self._rgb(self._convolve(below, top - 2, top), top)
            share = config.fade if fade is None else fade
            x = (1 - share) * x + share * self._upsample(self._rgb(below, top - 2))
        elif config.fade:
            raise InputError(
                f"a generator that is still fading cannot be cut at layer {layer}: "
                f"its two image layers read layers {top - 2} and {top}"
            )
        else:
            x = self._rgb(self._convolve(h, layer, top), top)
        if config.output == "tanh":
            x = jnp.tanh(x)
        elif config.output == "clip":
            x = jnp.clip(x, -1, 1)
        if config.extra_doublings:
            x = upsample_nearest(x, 2**config.extra_doublings)
        return x

    def _first(self, z: Array, channels: Channels | None = None) -> Array:
        config = self.config
        z = self._normalised(z, 0) if config.norm == "input" else z
        z = pixel_norm(z) if config.norm == "preactivation" and config.latent_norm else z
        if config.label_dim:
            label = jnp.broadcast_to(self.label[...], (z.shape[0], config.label_dim))
            z = jnp.concatenate([z, label], axis=1)
        kernel, bias = _weights(self.conv0, channels)
        flat = z @ kernel.reshape(kernel.shape[0], -1)
        return self._activated(flat.reshape(-1, *kernel.shape[1:]), bias)

    def _convolve(self, h: Array, after: int, upto: int) -> Array:
        for layer in range(after + 1, upto + 1):
            h = self._layer(h, layer)
        return h

    def _layer(self, h: Array, layer: int, channels: Channels | None = None) -> Array:
        kernel, bias = _weights(getattr(self, f"conv{layer}"), channels)
        x = self._normalised(h, layer)
        if not self.config.doubles(layer):
            x = conv2d(x, kernel)
        elif self.config.upsample == "nearest":
            x = upsample_conv2d(x, kernel)
        else:
            x = conv2d(upsample_bilinear(x), kernel)
        return self._activated(x, bias)

    def _normalised(self, x: Array, layer: int) -> Array:
        takes_norm = self.config.norm == "input" and layer not in self.config.unnormalised
        return pixel_norm(x) if takes_norm else x

    def _activated(self, x: Array, bias: Array) -> Array:
        x = x + bias.reshape(1, 1, 1, -1)
        x = pixel_norm(x) if self.config.norm == "preactivation" else x
        return leaky_relu(x, self.config.slope)

    def _rgb(self, h: Array, layer: int) -> Array:
        rgb = getattr(self, f"rgb{self.config.layer_resolution(layer)}")
        h = self._normalised(h, len(self.config.widths))
        return h @ rgb.kernel[...] + rgb.bias[...].reshape(1, 1, 1, -1)

    def _upsample(self, x: Array) -> Array:
        return upsample_nearest(x) if self.config.upsample == "nearest" else upsample_bilinear(x)


def pure_module(config: PGGANConfig) -> PureModule:
    """The generator's structure, to initialise or apply with explicit params."""
    return PureModule(lambda rngs: PGGAN(config, rngs=rngs))


def split_generator(config: PGGANConfig, name: str = FAMILY) -> SplitGenerator:
    """The generator of ``config`` as pure head and tail functions.

    A generator that is still fading ends its cuts at the layer that both image layers read.
    """
    num_layers = len(config.widths) - (2 if config.fade else 0)
    sides = [config.layer_resolution(layer) for layer in range(num_layers)]
    spec = GeneratorSpec(
        name=name,
        latent=latent_vector(config.latent_dim),
        image_shape=(config.resolution, config.resolution, 3),
        feature_shapes=tuple(
            (side, side, width) for side, width in zip(sides, config.widths, strict=False)
        ),
        prior=normal_prior(config.latent_dim),
    )
    sliced = config.norm == "input"
    return split(pure_module(config), spec, program=(FAMILY, config), sliced=sliced)


def config_from_dict(architecture: dict[str, Any]) -> PGGANConfig:
    """Read `PGGANConfig` back from a manifest.

    Raises:
      InputError: a field is unknown, missing, or impossible.

    """
    return config_from(PGGANConfig, architecture, "PGGAN architecture")
