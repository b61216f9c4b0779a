"""What a training run is: everything that decides its outcome, saved beside it."""

from dataclasses import dataclass
from typing import Literal, get_args

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import default_layer
from pmsfc_jax.nn.pggan import PGGANConfig, split_generator
from pmsfc_jax.nn.pggan_discriminator import DiscriminatorConfig
from pmsfc_jax.training.mixing import Mixing, mixing_from

Augmentation = Literal["colour", "translation", "cutout"]
AUGMENTATIONS: tuple[Augmentation, ...] = get_args(Augmentation)
Loss = Literal["non-saturating", "relativistic"]


@dataclass(frozen=True)
class TrainingConfig:
    """One progressive run.

    Attributes:
      resolution: side of the finished images, a power of two from 8 on.
      widths: channels at 4x4, 8x8, ... up to ``resolution``.
      discriminator_widths: the discriminator's; as ``widths`` where ``None``.
      latent_dim: length of a latent code.
      start_resolution: side of the first stage.
      stage_images: photographs shown in each stage before the last.
      fade_images: photographs shown while a stage's new layers fade in, part of its count.
      total_images: photographs shown in all.
      batch_size: images a step.
      learning_rate: Adam's, for both networks.
      beta1: Adam's first decay; the second is 0.99.
      loss: what both networks minimise, see `pmsfc_jax.training.objective`.
      r1_gamma: weight of the gradient penalty, on photographs, and with the relativistic loss on
        samples too.
      r1_interval: steps between two penalties, whose weight is multiplied by it.
      average_half_life: images after which a weight's share in the average has halved.
      augmentations: what is changed at random in the images that the discriminator sees, of
        `AUGMENTATIONS`.
      mixing: which samples are drawn from mixed features; none where ``None``. Its fields by name
        are taken as well.
      compute_dtype: in what the networks compute; ``"bfloat16"`` is for accelerators. Parameters,
        optimisers, average, losses and the gradient penalty are float32 with either.
      seed: of weights, latents and order.

    """

    resolution: int = 32
    widths: tuple[int, ...] = (128, 128, 128, 64)
    discriminator_widths: tuple[int, ...] | None = None
    latent_dim: int = 128
    start_resolution: int = 8
    stage_images: int = 60_000
    fade_images: int = 20_000
    total_images: int = 400_000
    batch_size: int = 8
    learning_rate: float = 2e-3
    beta1: float = 0.0
    loss: Loss = "non-saturating"
    r1_gamma: float = 0.02
    r1_interval: int = 16
    average_half_life: float = 6_000.0
    augmentations: tuple[Augmentation, ...] = ("translation",)
    mixing: Mixing | None = None
    compute_dtype: Literal["float32", "bfloat16"] = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check that the values fit each other.

        Raises:
          InputError: they do not.

        """
        object.__setattr__(self, "widths", tuple(int(w) for w in self.widths))
        object.__setattr__(self, "augmentations", tuple(self.augmentations))
        if not set(self.augmentations) <= set(AUGMENTATIONS):
            raise InputError(
                f"augmentations are {', '.join(AUGMENTATIONS)}, not {', '.join(self.augmentations)}"
            )
        side = 4 * 2 ** (len(self.widths) - 1)
        if self.resolution != side or side < 8 or min(self.widths) < 1:
            raise InputError(
                f"widths {self.widths} are for {side}x{side} images, not for resolution "
                f"{self.resolution}: give one width for each of 4, 8, 16, ... up to the resolution"
            )
        if self.discriminator_widths is not None:
            judge = tuple(int(w) for w in self.discriminator_widths)
            object.__setattr__(self, "discriminator_widths", judge)
            if len(judge) != len(self.widths) or min(judge) < 1:
                raise InputError(
                    f"discriminator_widths {judge} do not fit resolution {self.resolution}: give "
                    f"{len(self.widths)} positive numbers, as many as widths has"
                )
        if self.start_resolution not in self.resolutions():
            raise InputError(f"start_resolution must be one of {self.resolutions()}")
        for name in (
            "batch_size", "r1_interval", "total_images", "stage_images", "latent_dim",
            "learning_rate", "average_half_life",
        ):  # fmt: skip
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}; it has to be positive")
        if self.r1_gamma < 0 or not 0 <= self.beta1 < 1:
            raise InputError("r1_gamma cannot be negative, and beta1 lies in [0, 1)")
        if not 0 <= self.fade_images < self.stage_images:
            raise InputError(
                f"fade_images is {self.fade_images}: it is a part of stage_images "
                f"({self.stage_images}) and has to be fewer"
            )
        if self.loss not in get_args(Loss):
            raise InputError(f"loss is {self.loss!r}: {' or '.join(get_args(Loss))}")
        if self.compute_dtype not in ("float32", "bfloat16"):
            raise InputError(f"compute_dtype is {self.compute_dtype!r}: float32 or bfloat16")
        object.__setattr__(self, "mixing", mixing_from(self.mixing))
        if self.mixing is not None:
            self._check_mixing(self.mixing)

    def resolutions(self) -> tuple[int, ...]:
        """Sides at which a stage can run."""
        return tuple(8 * 2**i for i in range(len(self.widths) - 1))

    def stages(self) -> tuple[int, ...]:
        """Sides of the stages of this run, in order."""
        return tuple(side for side in self.resolutions() if side >= self.start_resolution)

    def stage_at(self, images: int) -> tuple[int, float]:
        """Side and fade share after ``images`` photographs.

        The share of the layer below falls linearly from 1 to 0 within ``fade_images``.
        """
        stages = self.stages()
        stage = min(images // self.stage_images, len(stages) - 1)
        within = images - stage * self.stage_images
        fade = 0.0 if stage == 0 else max(0.0, 1.0 - within / max(1, self.fade_images))
        return stages[stage], fade

    @property
    def usual_cut(self) -> int:
        """The layer at which the finished generator is cut where none is named."""
        finished = split_generator(self.generator(self.resolution, fading=False))
        return default_layer(finished.spec)

    def generator(self, side: int, fading: bool) -> PGGANConfig:
        """The generator of a stage; ``fading`` gives it two image layers."""
        widths = [w for w in self.widths[: self._level(side) + 1] for _ in (0, 1)]
        return PGGANConfig(self.latent_dim, tuple(widths), fade=0.5 if fading else 0.0)

    def discriminator(self, side: int, fading: bool) -> DiscriminatorConfig:
        """The discriminator of a stage."""
        widths = self.widths if self.discriminator_widths is None else self.discriminator_widths
        return DiscriminatorConfig(widths[: self._level(side) + 1], fade=0.5 if fading else 0.0)

    def mixes(self, side: int, fading: bool) -> bool:
        """Whether samples of a stage are mixed: its generator can be cut at that layer."""
        if self.mixing is None:
            return False
        # Two image layers that fade read the last convolution and the one two below.
        layers = len(self.generator(side, fading).widths) - (2 if fading else 0)
        return self.mixing.layer < layers

    def _check_mixing(self, mixing: Mixing) -> None:
        widths = self.generator(self.resolution, fading=False).widths
        if not 0 <= mixing.layer < len(widths):
            raise InputError(
                f"the layer of mixing is {mixing.layer}: a generator of these widths has layers "
                f"0 to {len(widths) - 1}"
            )
        if mixing.num_subspaces > widths[mixing.layer]:
            raise InputError(
                f"num_subspaces is {mixing.num_subspaces} and layer {mixing.layer} has "
                f"{widths[mixing.layer]} channels: give fewer subspaces"
            )

    def _level(self, side: int) -> int:
        return side.bit_length() - 3
