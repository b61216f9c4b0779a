"""``--task auto``: what a photograph is taken for, by what can be seen of it."""

from pmsfc_jax.cli.restore.picture import Picture
from pmsfc_jax.cli.restore.tasks import TASKS
from pmsfc_jax.core.errors import InputError

#: Mean step of luma's nine lowest frequencies from which a JPEG counts as coarse: qualities up to
#: about 40.
_COARSE = 14.0


def taken_for(picture: Picture, size: tuple[int, int], said: set[str]) -> tuple[str, ...]:
    """Words of `TASKS` that the photograph needs.

    Args:
      picture: the photograph.
      size: ``(H, W)`` of what the generator draws.
      said: losses that the user has told something of (``--mask``, ``--kernel``, ``--sigma``,
        ``--quality``): they are taken at their word.

    Raises:
      InputError: nothing is seen, or what is seen is ambiguous.

    """
    found = set(said)
    if picture.holes is not None and picture.holes.any():
        if "inpaint" not in said and _is_cut_out(picture):
            raise InputError(
                "it is transparent in all four corners, as an object is that was cut out, and that "
                "may be no hole: give --task inpaint if it is one"
            )
        found.add("inpaint")
    if picture.is_grey:
        found.add("colour")
    if is_small(picture, size):
        found.add("super")
    compression = picture.compression
    fits = picture.size == size or "super" in found
    if fits and compression is not None and compression.tables[0, :3, :3].mean() >= _COARSE:
        found.add("jpeg")
    if not found:
        raise InputError(
            "nothing is seen to be lost (it has colour, no hole, no coarse compression, and is not "
            "small), and noise and blur look like texture: give --task denoise or deblur"
        )
    return tuple(word for word in TASKS if word in found)


def is_small(picture: Picture, size: tuple[int, int]) -> bool:
    """Whether a side is shorter than what the generator draws."""
    return picture.size[0] < size[0] or picture.size[1] < size[1]


def _is_cut_out(picture: Picture) -> bool:
    assert picture.holes is not None
    return bool(picture.holes[[0, 0, -1, -1], [0, -1, 0, -1]].all())
