"""How `pmsfc train` tells where it is: a bar on a terminal, lines in a log file, events."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.events import Events

if TYPE_CHECKING:
    from pmsfc_jax.training.record import Progress


@contextmanager
def reporter(total: int, events: Events) -> Iterator[Callable[["Progress"], None]]:
    """Give ``report(progress)``: speed and time left."""
    notice("compiling the first stage; nothing is shown until that is done")
    with progress_bar("training") as update:
        update(0, total, "compiling")

        def report(now: "Progress") -> None:
            update(
                now.images,
                now.total_images,
                f"{now.side}x{now.side} {now.images_per_second:.0f} images/s",
            )
            events.progress(
                images=now.images,
                of=now.total_images,
                side=now.side,
                images_per_second=round(now.images_per_second, 3),
                seconds_left=round(now.seconds_left, 1),
            )

        yield report
