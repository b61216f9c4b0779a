"""What a training run is: everything that decides its outcome, saved beside it."""

from dataclasses import dataclass

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.nn.pggan import PGGANConfig
from pmsfc_jax.nn.pggan_discriminator import DiscriminatorConfig


@dataclass(frozen=True)
class TrainingConfig:
    """One progressive run.

    Attributes:
      resolution: side of the finished images, a power of two from 8 on.
      widths: channels at 4x4, 8x8, ... up to ``resolution``.
      latent_dim: length of a latent code.
      start_resolution: side of the first stage.
      stage_images: photographs shown in each stage before the last.
      fade_images: photographs shown while a stage's new layers fade in, part of its count.
      total_images: photographs shown in all.
      batch_size: images a step.
      learning_rate: Adam's, for both networks.
      beta1: Adam's first decay; the second is 0.99.
      r1_gamma: weight of the gradient penalty on photographs.
      r1_interval: steps between two penalties, whose weight is multiplied by it.
      average_half_life: images after which a weight's share in the average has halved.
      augmented: whether the discriminator sees augmented images.
      seed: of weights, latents and order.

    """

    resolution: int = 32
    widths: tuple[int, ...] = (128, 128, 128, 64)
    latent_dim: int = 128
    start_resolution: int = 8
    stage_images: int = 100_000
    fade_images: int = 40_000
    total_images: int = 400_000
    batch_size: int = 32
    learning_rate: float = 1.5e-3
    beta1: float = 0.0
    r1_gamma: float = 0.1
    r1_interval: int = 16
    average_half_life: float = 5_000.0
    augmented: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        """Check that the values fit each other.

        Raises:
          InputError: they do not.

        """
        object.__setattr__(self, "widths", tuple(int(w) for w in self.widths))
        if self.resolution != 4 * 2 ** (len(self.widths) - 1) or self.resolution < 8:
            raise InputError(
                f"widths {self.widths} are for {4 * 2 ** (len(self.widths) - 1)}x"
                f"{4 * 2 ** (len(self.widths) - 1)} images, not for resolution {self.resolution}: "
                "give one width for each of 4, 8, 16, ... up to the resolution"
            )
        if self.start_resolution not in self.resolutions():
            raise InputError(f"start_resolution must be one of {self.resolutions()}")
        if min(self.batch_size, self.r1_interval, self.total_images) < 1:
            raise InputError("batch_size, r1_interval and total_images must be positive")
        if self.fade_images >= self.stage_images:
            raise InputError("fade_images must be fewer than stage_images")

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

    def generator(self, side: int, fading: bool) -> PGGANConfig:
        """The generator of a stage; ``fading`` gives it two image layers."""
        widths = [w for w in self.widths[: self._level(side) + 1] for _ in (0, 1)]
        return PGGANConfig(self.latent_dim, tuple(widths), fade=0.5 if fading else 0.0)

    def discriminator(self, side: int, fading: bool) -> DiscriminatorConfig:
        """The discriminator of a stage."""
        return DiscriminatorConfig(
            self.widths[: self._level(side) + 1], fade=0.5 if fading else 0.0
        )

    def _level(self, side: int) -> int:
        return side.bit_length() - 3
