"""Which part of a photograph a generator is to draw."""

from dataclasses import dataclass
from typing import Literal

from pmsfc_jax.core.errors import InputError

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Crop:
    """A rule for the part of a photograph that is kept.

    Attributes:
      kind: ``centre``, the largest centred part with the target's proportions; ``stretch``, all of
        it, whatever its proportions; ``box``, a rectangle, of which the largest centred part with
        the target's proportions is taken.
      box: for ``box``, left edge, upper edge, width and height in pixels of the upright photograph.

    """

    kind: Literal["centre", "stretch", "box"] = "centre"
    box: Box | None = None

    def __post_init__(self) -> None:
        if (self.kind == "box") != (self.box is not None):
            raise InputError("a crop has a rectangle exactly where its kind is box")
        if self.box is not None and (min(self.box[:2]) < 0 or min(self.box[2:]) < 1):
            raise InputError(
                f"a crop of {self} is empty or outside of the photograph: give X,Y,W,H in pixels, "
                "X and Y at least 0, W and H at least 1"
            )

    @staticmethod
    def parse(text: str) -> "Crop":
        """Read ``centre``, ``stretch`` or ``X,Y,W,H``.

        Raises:
          InputError: it is none of these.

        """
        word = text.strip().lower()
        if word in ("centre", "center"):
            return CENTRE
        if word == "stretch":
            return STRETCH
        try:
            left, upper, width, height = (int(part) for part in text.split(","))
        except ValueError as error:
            raise InputError(
                f"there is no crop {text!r}: give centre, stretch, or X,Y,W,H in pixels of the "
                "photograph (left and upper edge, width, height)"
            ) from error
        return Crop("box", (left, upper, width, height))

    def __str__(self) -> str:
        """What `parse` reads."""
        return self.kind if self.box is None else ",".join(map(str, self.box))

    def lies_within(self, size: tuple[int, int]) -> bool:
        """Whether a photograph of this ``(width, height)`` has all of the rectangle."""
        if self.box is None:
            return True
        left, upper, width, height = self.box
        return left + width <= size[0] and upper + height <= size[1]

    def part(self, size: tuple[int, int], target: tuple[int, int]) -> Box:
        """The part of a photograph that is kept: left, upper, right and lower edge.

        Args:
          size: ``(width, height)`` of the photograph, which has all of the rectangle.
          target: ``(width, height)`` of what the generator draws; only the proportions matter.

        """
        if self.kind == "stretch":
            return (0, 0, *size)
        if self.box is None:
            return _centre(size, target)
        x, y, width, height = self.box
        left, upper, right, lower = _centre((width, height), target)
        return x + left, y + upper, x + right, y + lower


CENTRE = Crop()
STRETCH = Crop("stretch")


def _centre(size: tuple[int, int], target: tuple[int, int]) -> Box:
    """Largest centred box in ``size`` with ``target``'s proportions.

    Sizes are (width, height); sides are rounded to whole pixels and at least one.
    """
    width, height = size
    if width * target[1] > height * target[0]:
        width = max(1, round(height * target[0] / target[1]))
    else:
        height = max(1, round(width * target[1] / target[0]))
    left, upper = (size[0] - width) // 2, (size[1] - height) // 2
    return left, upper, left + width, upper + height
