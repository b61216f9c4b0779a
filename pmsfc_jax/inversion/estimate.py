"""How many images fit a chip, and how long a step takes there: an estimate, nothing is run.

The model's constants are fitted to what the TPU's compiler says of the loop of three generators
(docs/tpu.md). What it does not know is how long a chip waits for the host.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from pmsfc_jax.inversion.workload import Workload
from pmsfc_jax.parallel.chips import Chip

#: Bytes moved a step over bytes of what convolutions give.
PASSES = 5.0
#: Temporaries over the same.
HELD = 0.9
#: Bytes moved a step over those of the solver's memory.
STATE_PASSES = 6.0
#: Batches of so many images a chip fill a TPU's tiles best.
TILE = 8
#: More than this fills any chip, and makes a queue of few photographs idle.
_MOST = 256


class Memory(NamedTuple):
    """Bytes of a program on one chip: ``fixed + images * each``."""

    fixed: float
    each: float


def modelled_memory(work: Workload) -> Memory:
    """Memory of the loop by the model; the state lies there once more while it is replaced."""
    return Memory(work.weights, 2 * work.state + HELD * work.features)


def largest_batch(memory: Memory, room: float) -> int:
    """Images a chip that fit into ``room`` bytes, from `TILE` on a multiple of it; 0 for none."""
    fitting = int((room - memory.fixed) // memory.each)
    fitting = max(0, min(fitting, _MOST))
    return fitting // TILE * TILE if fitting >= TILE else fitting


def seconds_per_step(work: Workload, chip: Chip, images: int) -> float:
    """A step of ``images`` on one chip by roofline: products or bytes, whichever takes longer."""
    products = work.flops * images / chip.flops
    moved = PASSES * work.features * images + work.weights + STATE_PASSES * work.state * images
    return max(products, moved / chip.bandwidth)


def compiled_memory(
    loop_of: Callable[[int], Any], platform: str = "tpu", per_chip: tuple[int, int] = (8, 16)
) -> Memory:
    """Memory of the loop by a compiler: two sizes are compiled, and a line is laid through them.

    Args:
      loop_of: gives the traced loop for so many images a chip.
      platform: whose compiler, as jax calls it.
      per_chip: the sizes.

    """
    needed = []
    for images in per_chip:
        compiled = loop_of(images).lower(lowering_platforms=(platform,)).compile()
        memory = compiled.memory_analysis()
        needed.append(memory.argument_size_in_bytes + memory.temp_size_in_bytes)
    each = (needed[1] - needed[0]) / (per_chip[1] - per_chip[0])
    return Memory(max(needed[0] - per_chip[0] * each, 0.0), each)
