"""Settings of a restoration, and which are tried where the user gave none."""

from dataclasses import dataclass, field, replace

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import GeneratorSpec
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.tasks.restoration.mean import SCREEN

#: What is taken where nothing is said and nothing can be measured.
DEFAULT_STEPS = 40
#: Steps that are tried.
TRIED_STEPS = (20, 40, 80)
#: Few codes: the mean of several small restorations is better than one large one.
DEFAULT_CODES = 4
_BATCH = 32
_MOST_LAYERS = 6


def _small_inversions() -> InversionConfig:
    return InversionConfig(composition="mganprior", batch_size=_BATCH)


@dataclass(frozen=True)
class RestoreConfig:
    """Settings of a restoration; what is ``None`` is chosen on measurements that are held out.

    Attributes:
      layer: the cut.
      codes: of each sample.
      steps: of the optimiser.
      screen: see `mean.screened_out`.
      pilot: how many photographs, at most, are restored with measurements held out, for choosing
        and for calibrating the uncertainty. 0 chooses nothing, takes the defaults for what is
        ``None`` (which the layer has none of) and leaves the uncertainty as the samples have it.
      held_out: share of the measurements that are held out there.
      inversion: all other settings of the inversions.

    """

    layer: int | None = None
    codes: int | None = None
    steps: int | None = None
    screen: float = SCREEN
    pilot: int = 4
    held_out: float = 0.1
    inversion: InversionConfig = field(default_factory=_small_inversions)

    def __post_init__(self) -> None:
        """Check values.

        Raises:
          InputError: a value is impossible.

        """
        for name in ("codes", "steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, not {value}")
        if self.screen < 1:
            raise InputError(f"screen is {self.screen}: it is a multiple of the least, 1 or more")
        if not 0 < self.held_out < 1:
            raise InputError(f"held_out is {self.held_out}: it is a share between 0 and 1")
        if self.pilot < 0:
            raise InputError(f"pilot must be 0 or more photographs, not {self.pilot}")
        if self.pilot == 0 and self.layer is None:
            raise InputError(
                "with a pilot of 0 photographs nothing is chosen: give layer, or a pilot"
            )

    def with_defaults(self, layer: int) -> InversionConfig:
        """The inversion at a layer, with defaults for what is not given."""
        return replace(
            self.inversion,
            layer=layer,
            codes_per_subspace=self.codes or DEFAULT_CODES,
            num_steps=self.steps or DEFAULT_STEPS,
        )


def tried_layers(spec: GeneratorSpec) -> tuple[int, ...]:
    """The first six layers, up to half the size of the picture: later ones are no prior."""
    height = spec.image_shape[0]
    sides = [shape[0] for shape in spec.feature_shapes]
    early = [layer for layer, side in enumerate(sides) if 2 * side <= height]
    return tuple(early[:_MOST_LAYERS]) or (0,)
