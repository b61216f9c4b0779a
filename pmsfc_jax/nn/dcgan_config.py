"""What a DCGAN-like generator is made of, as plain values that are their own JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.config import config_from
from pmsfc_jax.nn.transposed import gathered_side, scattered_side

Kind = Literal["transposed", "plain", "dense"]
Activation = Literal["relu", "leaky_relu", "elu", "linear"]
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
      activation: ``"relu"``, ``"leaky_relu"``, ``"elu"`` or ``"linear"``.
      slope: of the leaky ReLU; of an ELU its alpha.

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


def config_from_dict(architecture: dict[str, Any]) -> DCGANConfig:
    """Read `DCGANConfig` back from a manifest.

    Raises:
      InputError: a field is unknown, missing, or impossible.

    """
    return config_from(DCGANConfig, architecture, "DCGAN architecture")


def _stage_from_dict(stage: Any) -> Stage:
    if not isinstance(stage, Mapping):
        raise InputError(f"a DCGAN stage has to be a set of named values, not {stage!r}")
    return config_from(Stage, stage, "a DCGAN stage")
