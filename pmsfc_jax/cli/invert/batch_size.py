"""``pmsfc invert --batch-size auto``: as many photographs as the device's memory holds."""

from dataclasses import replace

import jax

from pmsfc_jax.api import InversionConfig, Perceptual, SplitGenerator, Subspaces
from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.invert.expected import Expected, expected
from pmsfc_jax.cli.invert.options import Options
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.inversion.estimate import Memory, compiled_memory, largest_batch, modelled_memory
from pmsfc_jax.inversion.memory import OutOfMemory, telling_memory
from pmsfc_jax.io.runs import RunFolder

#: Share of a device's memory that the loop may take.
_SHARE = 0.9


def with_batch_size(
    options: Options,
    config: InversionConfig,
    generator: SplitGenerator,
    params: Params,
    perceptual: Perceptual | None,
    given: Subspaces | None,
) -> InversionConfig:
    """The settings with the number that ``auto`` stands for; others as they are.

    A run that is continued keeps its own. A CPU gains nothing from more than the default. The
    device's own compiler says how much memory 8 and 16 images take; where it has no room for those,
    `modelled_memory` does.

    Raises:
      InputError: ``auto`` was given to a share; not even one image fits.

    """
    if options.run.batch_size != "auto":
        return config
    if options.shares.share or options.shares.distributed:
        raise InputError("--batch-size auto is of one machine: give all shares the same number")
    stored = _of_run(options)
    if stored is not None:
        return replace(config, batch_size=stored)
    devices = jax.local_devices()
    limit = (devices[0].memory_stats() or {}).get("bytes_limit")
    if limit is None:
        return config
    assert config.layer is not None
    cut = Cut(generator, config.layer)
    run = expected(cut, params, config, options.method, given, perceptual)
    memory, by = _memory(run, devices[0].platform)
    each = max(1, largest_batch(memory, _SHARE * limit))
    notice(f"batch size {each * len(devices)}: {counted(each, 'image')} a device, by {by}")
    return replace(config, batch_size=each * len(devices))


def _memory(run: Expected, platform: str) -> tuple[Memory, str]:
    """What the loop needs on one device, and who says so."""
    notice("asking the device's compiler how much memory a batch takes: two programs are compiled")
    try:
        with telling_memory():
            return compiled_memory(run.loop, platform), "its compiler"
    except OutOfMemory:
        return modelled_memory(run.workload()), "estimate"


def _of_run(options: Options) -> int | None:
    """The batch size of the run that is continued."""
    run = RunFolder(options.what.out)
    if options.run.overwrite or not (run.path / "config.json").exists():
        return None
    size = run.settings().get("inversion", {}).get("batch_size")
    return size if isinstance(size, int) else None
