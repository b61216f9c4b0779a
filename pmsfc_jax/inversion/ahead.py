"""The images of the next batch, taken while the present one runs."""

from concurrent.futures import Future, ThreadPoolExecutor

from pmsfc_jax.inversion.plan import Batch
from pmsfc_jax.inversion.source import Source, Taken


class Ahead:
    """Takes the images of the next batch in a thread of its own while the present one runs."""

    def __init__(self, source: Source):
        self.source = source
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="photographs")
        self._next: tuple[Batch, Future[Taken]] | None = None

    def __enter__(self) -> "Ahead":
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self, batch: Batch, following: Batch | None) -> Taken:
        """The images of ``batch``; those of ``following`` are begun."""
        coming, self._next = self._next, None
        if coming is not None and coming[0] == batch:
            taken = coming[1].result()
        else:
            taken = self._pool.submit(self.source.take, batch.rows).result()
        if following is not None:
            self._next = following, self._pool.submit(self.source.take, following.rows)
        return taken
