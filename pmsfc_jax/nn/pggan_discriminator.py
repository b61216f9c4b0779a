"""The discriminator that is trained beside a PGGAN generator, and later judges its inversions.

Mirror image of the generator: 1x1 from RGB, two 3x3 convolutions a resolution with an average
pooling after them, and at 4x4 a minibatch-deviation channel, a 3x3 convolution, a dense layer and
one logit. As in `pmsfc_jax.nn.pggan`, kernels are the ones that meet the features.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array
from pmsfc_jax.nn.functional import PureModule
from pmsfc_jax.nn.layers import conv2d, downsample_mean, leaky_relu

FAMILY = "pggan_discriminator"
_SLOPE = 0.2


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Architecture of one discriminator; plain values only, so that it is its own JSON.

    Attributes:
      widths: channels at 4x4, 8x8, ... up to the image's resolution.
      fade: share in [0, 1) of the path that skips the top resolution while growing.
      group: images whose deviation is pooled into the minibatch channel.

    """

    widths: tuple[int, ...]
    fade: float = 0.0
    group: int = 4

    def __post_init__(self) -> None:
        """Check values and turn JSON's lists into tuples.

        Raises:
          InputError: a value is impossible.

        """
        object.__setattr__(self, "widths", tuple(int(w) for w in self.widths))
        if not self.widths or min(self.widths) < 1 or self.group < 1:
            raise InputError(f"a discriminator needs positive widths and group, not {self}")
        if not 0 <= self.fade < 1 or (self.fade and len(self.widths) < 2):
            raise InputError(f"discriminator fade is {self.fade}: in [0, 1), and 4x4 cannot fade")

    @property
    def resolution(self) -> int:
        """Side of the image."""
        return int(4 * 2 ** (len(self.widths) - 1))


class _Layer(nnx.Module):
    def __init__(self, shape: tuple[int, ...], *, rngs: nnx.Rngs, gain: float = 2.0):
        fan_in = 1
        for side in shape[:-1]:
            fan_in *= side
        self.kernel = nnx.Param((gain / fan_in) ** 0.5 * jax.random.normal(rngs.params(), shape))
        self.bias = nnx.Param(jnp.zeros((shape[-1],)))


def minibatch_deviation(x: Array, group: int) -> Array:
    """Append one channel: the mean deviation of ``x [b, H, W, C]`` within groups of images.

    The group is the largest one not above ``group`` that divides the batch (Karras 2018, 3).
    """
    b, h, w, c = x.shape
    group = next(g for g in range(min(group, b), 0, -1) if b % g == 0)
    y = x.reshape(group, b // group, h, w, c)
    deviation = jnp.sqrt(jnp.var(y, axis=0) + 1e-8).mean((1, 2, 3))
    channel = jnp.tile(deviation, group).reshape(b, 1, 1, 1)
    return jnp.concatenate([x, jnp.broadcast_to(channel, (b, h, w, 1))], axis=-1)


class Discriminator(nnx.Module):
    """The discriminator as an NNX module; use it through `pure_module`."""

    def __init__(self, config: DiscriminatorConfig, *, rngs: nnx.Rngs):
        self.config = config
        widths = config.widths
        top = len(widths) - 1
        for level in (top - 1, top) if config.fade else (top,):
            setattr(self, f"rgb{4 * 2**level}", _Layer((3, widths[level]), rngs=rngs))
        for level in range(top, 0, -1):
            side = 4 * 2**level
            width, below = widths[level], widths[level - 1]
            setattr(self, f"conv{side}_0", _Layer((3, 3, width, width), rngs=rngs))
            setattr(self, f"conv{side}_1", _Layer((3, 3, width, below), rngs=rngs))
        self.conv4_0 = _Layer((3, 3, widths[0] + 1, widths[0]), rngs=rngs)
        self.conv4_1 = _Layer((4, 4, widths[0], widths[0]), rngs=rngs)
        self.logit = _Layer((widths[0], 1), rngs=rngs, gain=1.0)

    def features(self, x: Array, fade: Array | None = None) -> list[Array]:
        """``x [b, R, R, 3]`` in [-1, 1] to the feature after each resolution's two convolutions.

        The first one is at R/2 (after pooling), the last at 4x4; none depends on other images.
        """
        config = self.config
        h = self._from_rgb(x, len(config.widths) - 1)
        out = []
        for level in range(len(config.widths) - 1, 0, -1):
            side = 4 * 2**level
            h = self._conv(self._conv(h, f"conv{side}_0"), f"conv{side}_1")
            h = downsample_mean(h)
            if config.fade and level == len(config.widths) - 1:
                share = config.fade if fade is None else fade
                h = (1 - share) * h + share * self._from_rgb(downsample_mean(x), level - 1)
            out.append(h)
        return out or [h]

    def __call__(self, x: Array, fade: Array | None = None) -> Array:
        """``x [b, R, R, 3]`` in [-1, 1] to logits ``[b]``, positive for photographs."""
        h = minibatch_deviation(self.features(x, fade)[-1], self.config.group)
        h = self._conv(h, "conv4_0")
        dense = self.conv4_1.kernel[...]
        flat = h.reshape(h.shape[0], -1) @ dense.reshape(-1, dense.shape[-1])
        flat = leaky_relu(flat + self.conv4_1.bias[...].reshape(1, -1), _SLOPE)
        return (flat @ self.logit.kernel[...] + self.logit.bias[...].reshape(1, 1))[:, 0]

    def _conv(self, x: Array, name: str) -> Array:
        layer = getattr(self, name)
        x = conv2d(x, layer.kernel[...]) + layer.bias[...].reshape(1, 1, 1, -1)
        return leaky_relu(x, _SLOPE)

    def _from_rgb(self, x: Array, level: int) -> Array:
        layer = getattr(self, f"rgb{4 * 2**level}")
        return leaky_relu(x @ layer.kernel[...] + layer.bias[...].reshape(1, 1, 1, -1), _SLOPE)


def pure_module(config: DiscriminatorConfig) -> PureModule:
    """The discriminator's structure, to initialise or apply with explicit params."""
    return PureModule(lambda rngs: Discriminator(config, rngs=rngs))
