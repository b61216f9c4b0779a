"""The photographs of ``pmsfc invert``, a batch at a time, and what is noticed while they come."""

from collections.abc import Sequence

from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.photographs import tell_left_out
from pmsfc_jax.inversion.plan import Batch
from pmsfc_jax.io.crop import Crop
from pmsfc_jax.io.notices import Notice, Tally
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.source import PhotographSource


class Photographs:
    """A source of pixels that tells, once, what was wrong with or done to a photograph.

    Args:
      files: the photographs; a row is a place in this list.
      resolution: ``(height, width)`` of what the generator draws.
      crop: the part of them that is wanted.
      events: what programs are told.
      verbose: tell what was done to each, instead of a sum at the end.

    Attributes:
      pixels: the source.
      bad: rows of photographs that turned out not to be usable.

    """

    def __init__(
        self,
        files: Sequence[PhotographFile],
        resolution: tuple[int, int],
        crop: Crop,
        events: Events,
        *,
        verbose: bool,
    ) -> None:
        self._files, self._events, self._verbose = files, events, verbose
        self._tally = Tally()
        self._told: set[int] = set()
        self.bad: set[int] = set()
        self.pixels = PhotographSource(
            files, resolution, crop=crop, on_bad=self._on_bad, on_notices=self._on_notices
        )

    def worth_it(self, batches: Sequence[Batch], finished: Sequence[bool]) -> list[Batch]:
        """Batches but for those of which only photographs are left that cannot be decoded.

        Such a photograph is never finished, and would have its companions inverted again with
        every command.
        """

        def worth(batch: Batch) -> bool:
            left = [row for row in batch.rows if not finished[row]]
            begun = len(left) < len(batch.rows)
            return not begun or any(self.pixels.take_pixels([row]).rows for row in left)

        return [batch for batch in batches if worth(batch)]

    def sum_up(self) -> None:
        """Tell what was done to all photographs."""
        text = self._tally.text()
        if text and not self._verbose:
            notice(f"photographs: {text} (--verbose lists them)")

    def _on_bad(self, row: int, reason: str) -> None:
        if row not in self.bad:
            self.bad.add(row)
            tell_left_out(self._events, self._files[row].path, reason)

    def _on_notices(self, row: int, notices: tuple[Notice, ...]) -> None:
        self._tally.add(row, notices)
        if self._verbose and row not in self._told:
            self._told.add(row)
            for told in notices:
                notice(f"{self._files[row].name}: {told.text}")
