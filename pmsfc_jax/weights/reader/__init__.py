"""Read checkpoint files without torch, and without running anything that stands in them."""

from pmsfc_jax.weights.reader.checkpoint import Checkpoint, parse, read_checkpoint
from pmsfc_jax.weights.reader.records import Record

__all__ = ["Checkpoint", "Record", "parse", "read_checkpoint"]
