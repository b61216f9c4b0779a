"""What a BigGAN layout writes down while it goes through a file's stages."""

from dataclasses import dataclass, field

from pmsfc_jax.nn.biggan import Stage
from pmsfc_jax.weights.layouts.axes import Shape
from pmsfc_jax.weights.layouts.places import Place


@dataclass
class Plan:
    """Where arrays go, and the stages that they make.

    Attributes:
      places: of arrays that become params by themselves.
      others: shapes of those that do not.
      norms: paths in our params of conditional batch norms, by native name.
      stages: so far.

    """

    places: list[Place] = field(default_factory=list)
    others: dict[str, Shape] = field(default_factory=dict)
    norms: dict[str, tuple[str, str]] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Of the next stage in our params."""
        return f"stage{len(self.stages)}"

    def shapes(self, ending: str) -> dict[str, Shape]:
        """Shapes of all arrays whose names end so."""
        every = {place.name: place.shape for place in self.places} | self.others
        return {name: shape for name, shape in every.items() if name.endswith(ending)}
