"""What a StyleGAN2 generator is made of, as plain values that are their own JSON."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.config import config_from

Architecture = Literal["skip", "resnet", "plain"]
LatentSpace = Literal["w", "z"]


@dataclass(frozen=True)
class StyleGAN2Config:
    """Architecture of one StyleGAN2 generator and how its codes are chosen; plain values only.

    Attributes:
      latent_dim: length of z.
      style_dim: length of w.
      mapping_depth: dense layers from z to w.
      widths: channels at 4x4, 8x8, ...; one convolution at 4x4, two at each resolution above.
      architecture: ``"skip"`` adds an image of every resolution to the doubled one below,
        ``"resnet"`` adds features instead, ``"plain"`` does neither.
      num_classes: of a conditional generator, else 0.
      clamp: largest magnitude after an activation, 0 for none. Released networks have 256.
      latent_space: ``"w"``, where a code is what the mapping gives, or ``"z"``, what it takes.
      truncation: psi: how far from the mean w drawn codes stay (``w``), or all of them (``z``);
        1 is not at all.
      truncated_styles: how many of the styles, from the coarsest on, are truncated; 0 for all.
        In ``z`` only: a code in ``w`` is all styles at once.
      label: class of every code; ``None`` where it is drawn, and in ``z`` a part of the code.

    """

    latent_dim: int
    style_dim: int
    mapping_depth: int
    widths: tuple[int, ...]
    architecture: Architecture = "skip"
    num_classes: int = 0
    clamp: float = 0.0
    latent_space: LatentSpace = "w"
    truncation: float = 1.0
    truncated_styles: int = 0
    label: int | None = None

    def __post_init__(self) -> None:
        """Check values and turn JSON's lists into tuples.

        Raises:
          InputError: a value is impossible.

        """
        object.__setattr__(self, "widths", tuple(self.widths))
        for name, known in (
            ("architecture", get_args(Architecture)),
            ("latent_space", get_args(LatentSpace)),
        ):
            if getattr(self, name) not in known:
                raise InputError(f"StyleGAN2 {name} is {getattr(self, name)!r}, not one of {known}")
        for name, low in (("latent_dim", 1), ("style_dim", 1), ("mapping_depth", 1)):
            _check_whole(name, getattr(self, name), low)
        for width in self.widths:
            _check_whole("widths", width, 1)
        if len(self.widths) < 2:
            raise InputError(f"a StyleGAN2 has 8x8 pixels or more, not widths {self.widths}")
        _check_whole("num_classes", self.num_classes, 0)
        _check_whole("truncated_styles", self.truncated_styles, 0, self.num_styles)
        if not 0 <= self.truncation <= 1 or not self.clamp >= 0:
            raise InputError(
                f"StyleGAN2 truncation is {self.truncation} and clamp {self.clamp}: the one lies "
                "in [0, 1], the other is not negative"
            )
        if self.truncated_styles and self.latent_space == "w":
            raise InputError("in latent space w all styles are one: truncated_styles has to be 0")
        if self.label is not None:
            _check_whole("label", self.label, 0, self.num_classes - 1)

    @property
    def num_layers(self) -> int:
        """Number of convolutions."""
        return 2 * len(self.widths) - 1

    @property
    def num_styles(self) -> int:
        """Number of styles: one a convolution and one for the last image layer."""
        return self.num_layers + 1

    @property
    def resolution(self) -> int:
        """Side of the image."""
        return self.side(self.num_layers - 1)

    @property
    def class_in_code(self) -> bool:
        """Whether a code names its class, since no other does."""
        return self.latent_space == "z" and self.class_drawn

    @property
    def class_drawn(self) -> bool:
        """Whether the class of a code is drawn with it."""
        return self.num_classes > 0 and self.label is None

    @staticmethod
    def side(layer: int) -> int:
        """Side of the output of convolution ``layer``."""
        return int(4 * 2 ** ((layer + 1) // 2))

    def width(self, layer: int) -> int:
        """Channels of the output of convolution ``layer``."""
        return self.widths[(layer + 1) // 2]

    def images(self) -> tuple[int, ...]:
        """Convolutions whose output an image layer reads."""
        last = self.num_layers - 1
        return tuple(range(0, last + 1, 2)) if self.architecture == "skip" else (last,)


def config_from_dict(architecture: dict[str, Any]) -> StyleGAN2Config:
    """Read `StyleGAN2Config` back from a manifest.

    Raises:
      InputError: a field is unknown, missing, or impossible.

    """
    return config_from(StyleGAN2Config, architecture, "StyleGAN2 architecture")


def _check_whole(name: str, value: Any, low: int, high: int | None = None) -> None:
    if type(value) is not int or value < low or (high is not None and value > high):
        upto = "up" if high is None else f"to {high}"
        raise InputError(f"StyleGAN2 {name} is {value!r}; it is whole, from {low} {upto}")
