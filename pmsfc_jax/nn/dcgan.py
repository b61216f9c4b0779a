"""DCGAN generators (Radford, Metz, Chintala: arXiv:1511.06434) and their many relatives.

A list of stages from a latent code to an image. Each is a convolution (transposed, plain, or dense
for a first layer that is one), a bias, and an activation; the activation of the last stage is the
network's output. Batch norm does not occur: at inference it multiplies and shifts each channel, and
converters fold it into kernel and bias.

Layer ``i`` is stage ``i``; the feature at its cut is the tensor after its activation. The last
stage makes the image and cannot be cut after.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
from flax import nnx

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import GeneratorSpec, SplitGenerator
from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.nn.functional import PureModule
from pmsfc_jax.nn.layers import conv2d, leaky_relu, upsample_nearest
from pmsfc_jax.nn.transposed import (
    gathered_side,
    scattered_side,
    strided_conv2d,
    transposed_conv2d,
)

FAMILY = "dcgan"

Kind = Literal["transposed", "plain", "dense"]
Activation = Literal["relu", "leaky_relu", "linear"]
Output = Literal["tanh", "linear"]
Prior = Literal["normal", "uniform"]


@dataclass(frozen=True)
class Stage:
    """One stage of a `DCGANConfig`; plain values only.

    Attributes:
      kind: ``"transposed"`` or ``"plain"`` convolution, or ``"dense"``: all of ``kernel * kernel``
        pixels from the code, each with a bias of its own.
      width: output channels.
      kernel: side of the kernel.
      stride: of the convolution.
      padding: as PyTorch counts it: zeros around a plain convolution's input, pixels cut off a
        transposed one's output.
      output_padding: pixels added to a transposed convolution's output, right and below.
      upsample: factor of a nearest-neighbour enlargement before a plain convolution.
      activation: ``"relu"``, ``"leaky_relu"`` or ``"linear"``.
      slope: of the leaky ReLU.

    """

    kind: Kind
    width: int
    kernel: int
    stride: int = 1
    padding: int = 0
    output_padding: int = 0
    upsample: int = 1
    activation: Activation = "linear"
    slope: float = 0.2

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
          InputError: a value is impossible.

        """
        for name, known in (("kind", get_args(Kind)), ("activation", get_args(Activation))):
            if getattr(self, name) not in known:
                raise InputError(
                    f"a DCGAN stage's {name} is {getattr(self, name)!r}, not one of {known}"
                )
        lowest = {"width": 1, "kernel": 1, "stride": 1, "padding": 0, "output_padding": 0}
        for name, low in (lowest | {"upsample": 1}).items():
            value = getattr(self, name)
            if type(value) is not int or value < low:
                raise InputError(f"a DCGAN stage's {name} is {value!r}; it is whole, from {low} up")
        if type(self.slope) not in (int, float) or not 0 <= self.slope <= 1:
            raise InputError(f"a DCGAN stage's slope is {self.slope!r}; it lies in [0, 1]")
        if self.output_padding and self.kind != "transposed":
            raise InputError("only a transposed convolution of a DCGAN has an output_padding")
        if self.output_padding >= self.stride and self.output_padding:
            raise InputError("a DCGAN stage's output_padding has to be below its stride")
        if self.upsample > 1 and self.kind != "plain":
            raise InputError("only a plain convolution of a DCGAN is preceded by an upsample")
        if self.kind == "dense" and (self.stride, self.padding) != (1, 0):
            raise InputError("a dense stage of a DCGAN has neither stride nor padding")

    def side(self, side: int) -> int:
        """Side of the output for an input of side ``side``."""
        if self.kind == "plain":
            return gathered_side(side * self.upsample, self.kernel, self.stride, self.padding)
        stride, padding = self.stride, self.padding
        return scattered_side(side, self.kernel, stride, padding, self.output_padding)


@dataclass(frozen=True)
class DCGANConfig:
    """Architecture of one DCGAN generator; plain values only, so that it is its own JSON.

    Attributes:
      latent_dim: length of a latent code.
      stages: from the code, a map of one pixel, to the image.
      output: what follows the last stage, whose own activation is ``"linear"``.
      prior: of latent codes, ``"normal"``, or ``"uniform"`` between -1 and 1.

    """

    latent_dim: int
    stages: tuple[Stage, ...]
    output: Output = "tanh"
    prior: Prior = "normal"

    def __post_init__(self) -> None:
        """Check values and turn JSON's dicts and lists into stages.

        Raises:
          InputError: a value is impossible.

        """
        stages = tuple(s if isinstance(s, Stage) else _stage_from_dict(s) for s in self.stages)
        object.__setattr__(self, "stages", stages)
        for name, known in (("output", get_args(Output)), ("prior", get_args(Prior))):
            if getattr(self, name) not in known:
                raise InputError(f"DCGAN {name} is {getattr(self, name)!r}, not one of {known}")
        if type(self.latent_dim) is not int or self.latent_dim < 1:
            raise InputError(f"DCGAN latent_dim is {self.latent_dim!r}; it is whole, from 1 up")
        if len(stages) < 2:
            raise InputError("a DCGAN has two stages or more, the last of which makes the image")
        if any(stage.kind == "dense" for stage in stages[1:]):
            raise InputError("only the first stage of a DCGAN can be dense")
        if stages[-1].width != 3 or stages[-1].activation != "linear":
            raise InputError(
                f"the last stage of a DCGAN makes an image of 3 channels and has no activation "
                f"but the output's; it has {stages[-1].width} and {stages[-1].activation}"
            )
        if min(self.sides) < 1:
            raise InputError(f"the stages of this DCGAN give maps of sides {self.sides}")

    @property
    def sides(self) -> tuple[int, ...]:
        """Side of each stage's output."""
        sides = [1]
        for stage in self.stages:
            sides.append(stage.side(sides[-1]))
        return tuple(sides[1:])

    def kernel_shape(self, layer: int) -> tuple[int, ...]:
        """Shape of stage ``layer``'s kernel."""
        stage = self.stages[layer]
        incoming = self.stages[layer - 1].width if layer else self.latent_dim
        if stage.kind == "dense":
            return (incoming, stage.kernel, stage.kernel, stage.width)
        return (stage.kernel, stage.kernel, incoming, stage.width)

    def bias_shape(self, layer: int) -> tuple[int, ...]:
        """Shape of stage ``layer``'s bias."""
        stage = self.stages[layer]
        if stage.kind == "dense":
            return (stage.kernel, stage.kernel, stage.width)
        return (stage.width,)


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

    def tail(self, h: Array, layer: int) -> Array:
        """``h [b, H, W, C] -> x [b, R, R, 3]``, from the feature at ``layer``."""
        x = self._run(h, layer + 1, len(self.config.stages))
        return jnp.tanh(x) if self.config.output == "tanh" else x

    def _run(self, x: Array, first: int, stop: int) -> Array:
        for layer in range(first, stop):
            stage = self.config.stages[layer]
            weights = getattr(self, f"stage{layer}")
            bias = weights.bias[...]
            bias = bias[None] if bias.ndim == 3 else bias.reshape(1, 1, 1, -1)
            x = _activate(_convolve(x, weights.kernel[...], stage) + bias, stage)
        return x


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
    return leaky_relu(x, stage.slope) if stage.activation == "leaky_relu" else x


def pure_module(config: DCGANConfig) -> PureModule:
    """The generator's structure, to initialise or apply with explicit params."""
    return PureModule(lambda rngs: DCGAN(config, rngs=rngs))


def split_generator(config: DCGANConfig, name: str = FAMILY) -> SplitGenerator:
    """The generator of ``config`` as pure head and tail functions."""
    module = pure_module(config)

    def head(params: Params, z: Array, *, layer: int) -> tuple[Array, None]:
        spec.feature_shape(layer)
        return module.bind(params).head(z, layer), None

    def tail(params: Params, h: Array, context: None, *, layer: int) -> Array:
        spec.feature_shape(layer)
        return module.bind(params).tail(h, layer)

    def latent_prior(key: Key, num: int) -> Array:
        shape = (num, config.latent_dim)
        if config.prior == "uniform":
            return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)
        return jax.random.normal(key, shape)

    sides, widths = config.sides, [stage.width for stage in config.stages]
    spec = GeneratorSpec(
        name=name,
        latent_shape=(config.latent_dim,),
        image_shape=(sides[-1], sides[-1], 3),
        feature_shapes=tuple(
            (side, side, width) for side, width in zip(sides[:-1], widths[:-1], strict=True)
        ),
        latent_prior=latent_prior,
    )
    return SplitGenerator(spec, head, tail)


def config_from_dict(architecture: dict[str, Any]) -> DCGANConfig:
    """Read `DCGANConfig` back from a manifest.

    Raises:
      InputError: a field is unknown, missing, or impossible.

    """
    _check_fields(architecture, DCGANConfig, {"latent_dim", "stages"}, "DCGAN architecture")
    return DCGANConfig(**architecture)


def _stage_from_dict(stage: Any) -> Stage:
    if not isinstance(stage, Mapping):
        raise InputError(f"a DCGAN stage has to be a set of named values, not {stage!r}")
    _check_fields(stage, Stage, {"kind", "width", "kernel"}, "a DCGAN stage")
    return Stage(**stage)


def _check_fields(given: Mapping[str, Any], kind: type, needed: set[str], what: str) -> None:
    unknown = sorted(set(given) - {field.name for field in fields(kind)})
    missing = sorted(needed - set(given))
    if unknown or missing:
        raise InputError(f"{what} has unknown fields {unknown}, lacks {missing}")
