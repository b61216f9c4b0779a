"""One process a run: two would overwrite each other's checkpoints."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import shown


@contextmanager
def only_process(run: Path) -> Iterator[None]:
    """Hold the folder ``run`` while the block runs.

    The operating system lets go of it when the process ends, however that happens. Where it has no
    such locks (Windows, some network disks) nothing is held.

    Raises:
      InputError: another process holds it.

    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (run / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"{shown(run)} is being trained by another process: wait for it, stop it, or "
                "train in another folder"
            ) from error
        except OSError:
            pass
        yield
