"""``pmsfc invert --batch-size auto``: as many photographs as the device's memory holds."""

from dataclasses import replace

import jax

from pmsfc_jax.api import InversionConfig, Perceptual, SplitGenerator, Subspaces
from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.invert.expected import expected
from pmsfc_jax.cli.invert.options import Options
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.inversion.estimate import largest_batch, modelled_memory
from pmsfc_jax.inversion.workload import workload_of
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

    A run that is continued keeps its own. A CPU gains nothing from more than the default.

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
    masks, extract, v_params = expected(cut, config, options.method, given, perceptual)
    load = workload_of(cut, params, config, masks, extract=extract, v_params=v_params)
    each = max(1, largest_batch(modelled_memory(load), _SHARE * limit))
    notice(f"batch size {each * len(devices)}: {counted(each, 'image')} a device, by estimate")
    return replace(config, batch_size=each * len(devices))


def _of_run(options: Options) -> int | None:
    """The batch size of the run that is continued."""
    run = RunFolder(options.what.out)
    if options.run.overwrite or not (run.path / "config.json").exists():
        return None
    size = run.settings().get("inversion", {}).get("batch_size")
    return size if isinstance(size, int) else None
