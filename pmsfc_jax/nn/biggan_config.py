"""What a BigGAN generator is made of, as plain values that are their own JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.config import config_from

Kind = Literal["residual", "bottleneck", "attention"]
Conditioning = Literal["all", "chunks", "class"]


@dataclass(frozen=True)
class Stage:
    """One stage of a `BigGANConfig`; plain values only.

    Attributes:
      kind: ``"residual"``, two 3x3 convolutions beside one of 1x1; ``"bottleneck"`` (BigGAN-deep),
        two 3x3 convolutions between two of 1x1, beside the first ``width`` channels as they are; or
        ``"attention"`` of each pixel to blocks of four.
      width: output channels.
      middle: channels inside a bottleneck; of an attention's queries and keys.
      values: channels of an attention's values.
      doubles: whether the output has twice the side of the input.

    """

    kind: Kind
    width: int
    middle: int = 0
    values: int = 0
    doubles: bool = False

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
          InputError: a value is impossible.

        """
        if self.kind not in get_args(Kind):
            raise InputError(f"a BigGAN stage's kind is {self.kind!r}, not one of {get_args(Kind)}")
        lowest = {"width": 1, "middle": self.kind != "residual", "values": self.kind == "attention"}
        for name, low in lowest.items():
            _check_whole(f"a BigGAN stage's {name}", getattr(self, name), int(low))
        if self.doubles and self.kind == "attention":
            raise InputError("an attention of a BigGAN keeps the side of its input")

    @property
    def conditional(self) -> bool:
        """Whether class and code scale its channels."""
        return self.kind != "attention"


@dataclass(frozen=True)
class BigGANConfig:
    """Architecture of one BigGAN generator and how its codes are chosen; plain values only.

    Attributes:
      latent_dim: length of z.
      class_dim: length of a class's embedding.
      num_classes: rows of the embedding.
      first_width: channels at 4x4.
      stages: what follows, up to the image layer.
      conditioning: what a conditional stage is given beside the class: ``"all"`` of z
        (BigGAN-deep), a part of its own (``"chunks"``, hierarchical: the first goes to 4x4 and the
        next ones to the stages in turn), or nothing (``"class"``).
      truncation: codes are normals within two deviations, times this; ``None`` for standard
        normals without bound.
      label: class of every code; ``None`` where it is drawn with it.
      optimise_class: whether a code holds its class's embedding, to be optimised like z; else the
        class stays ``label``.

    """

    latent_dim: int
    class_dim: int
    num_classes: int
    first_width: int
    stages: tuple[Stage, ...]
    conditioning: Conditioning = "all"
    truncation: float | None = None
    label: int | None = None
    optimise_class: bool = True

    def __post_init__(self) -> None:
        """Check values and turn JSON's dicts and lists into stages.

        Raises:
          InputError: a value is impossible.

        """
        stages = tuple(s if isinstance(s, Stage) else _stage_from_dict(s) for s in self.stages)
        object.__setattr__(self, "stages", stages)
        for name in ("latent_dim", "class_dim", "num_classes", "first_width"):
            _check_whole(f"BigGAN {name}", getattr(self, name), 1)
        known = get_args(Conditioning)
        if self.conditioning not in known:
            raise InputError(f"BigGAN conditioning is {self.conditioning!r}, not one of {known}")
        for place, stage in enumerate(stages):
            incoming = self.width(place)
            if stage.kind == "bottleneck" and stage.width > incoming:
                raise InputError(
                    f"a bottleneck of a BigGAN keeps channels or drops some: {incoming} to "
                    f"{stage.width} it cannot"
                )
            if stage.kind == "attention" and stage.width != incoming:
                raise InputError(
                    f"an attention of a BigGAN keeps channels: {incoming}, not {stage.width}"
                )
        if self.conditioning == "chunks" and self.latent_dim % self.num_chunks:
            raise InputError(
                f"a code of {self.latent_dim} does not divide into {self.num_chunks} chunks"
            )
        if self.truncation is not None and not 0 < self.truncation <= 1:
            raise InputError(f"BigGAN truncation is {self.truncation}: it lies in (0, 1]")
        if self.label is not None:
            _check_whole("BigGAN label", self.label, 0, self.num_classes - 1)
        if not self.optimise_class and self.label is None:
            raise InputError("a class that is not optimised has to be chosen: give label")

    @property
    def num_chunks(self) -> int:
        """Parts that a hierarchical generator's z has."""
        return 1 + sum(stage.conditional for stage in self.stages)

    @property
    def first_dim(self) -> int:
        """Numbers that the layer of 4x4 reads."""
        if self.conditioning == "all":
            return self.class_dim + self.latent_dim
        return self.latent_dim // (self.num_chunks if self.conditioning == "chunks" else 1)

    @property
    def condition_dim(self) -> int:
        """Numbers that scale the channels of a stage: the class, then what it is given of z."""
        return self.class_dim + (0 if self.conditioning == "class" else self.latent_part)

    @property
    def latent_part(self) -> int:
        """Numbers of z that a conditional stage is given, if any."""
        parts = self.num_chunks if self.conditioning == "chunks" else 1
        return self.latent_dim // parts

    @property
    def resolution(self) -> int:
        """Side of the image."""
        return self.side(len(self.stages))

    def side(self, layer: int) -> int:
        """Side of the feature at ``layer``."""
        return int(4 * 2 ** sum(stage.doubles for stage in self.stages[:layer]))

    def width(self, layer: int) -> int:
        """Channels of the feature at ``layer``."""
        return self.stages[layer - 1].width if layer else self.first_width

    def remaining(self, layer: int) -> int:
        """Conditional stages after ``layer``."""
        return sum(stage.conditional for stage in self.stages[layer:])


def config_from_dict(architecture: dict[str, Any]) -> BigGANConfig:
    """Read `BigGANConfig` back from a manifest.

    Raises:
      InputError: a field is unknown, missing, or impossible.

    """
    return config_from(BigGANConfig, architecture, "BigGAN architecture")


def _stage_from_dict(stage: Any) -> Stage:
    if not isinstance(stage, Mapping):
        raise InputError(f"a BigGAN stage has to be a set of named values, not {stage!r}")
    return config_from(Stage, stage, "a BigGAN stage")


def _check_whole(name: str, value: Any, low: int, high: int | None = None) -> None:
    if type(value) is not int or value < low or (high is not None and value > high):
        upto = "up" if high is None else f"to {high}"
        raise InputError(f"{name} is {value!r}; it is whole, from {low} {upto}")
