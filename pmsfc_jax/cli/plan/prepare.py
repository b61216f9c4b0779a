"""From the options of ``pmsfc plan`` to what is to be estimated."""

from pathlib import Path
from typing import NamedTuple

from pmsfc_jax.api import load_generator, load_subspaces
from pmsfc_jax.cli.invert import options as invert
from pmsfc_jax.cli.invert.expected import Expected, expected
from pmsfc_jax.cli.invert.settings import OPTION_NAMES, config_of, load_v
from pmsfc_jax.cli.plan.options import Options
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.cli.wording import told_by_options
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import IDENTITY
from pmsfc_jax.inversion.checks import check_objective
from pmsfc_jax.io.find import search_photographs
from pmsfc_jax.parallel.chips import Chip, chips_of


class Job(NamedTuple):
    """What is to be estimated.

    Attributes:
      options: as given.
      run: what it will compose in and compare with.
      chip: the device.
      devices: how many of them.
      photographs: how many.

    """

    options: Options
    run: Expected
    chip: Chip
    devices: int
    photographs: int


def prepare(options: Options) -> Job:
    """Check the options and load what they name.

    Raises:
      InputError: anything is wrong with them.

    """
    what = options.what
    chip, devices = chips_of(what.device)
    if what.batch_size is not None and what.batch_size < 1:
        raise InputError(f"--batch-size must be at least 1, not {what.batch_size}")
    if not what.photos:
        raise InputError("no photographs are given: name files, or folders of them")
    try:
        photographs = len(search_photographs(what.photos, recursive=what.recursive).files)
    except InputError as error:
        raise InputError(str(error).replace("ask for recursive", "give --recursive")) from error
    start_jax(cache=False)
    generator, params = load_generator(what.generator, weights_dir=what.weights_dir)
    asked = invert.Options(
        invert.What(what.photos, Path(), what.generator, weights_dir=what.weights_dir),
        options.method,
        options.objective,
        options.solver,
    )
    perceptual = load_v(asked)
    given = None if options.method.subspaces is None else load_subspaces(options.method.subspaces)
    with told_by_options(OPTION_NAMES):
        config = config_of(asked, generator, given, perceptual)
        check_objective(generator.spec, config, IDENTITY, perceptual)
    assert config.layer is not None
    cut = Cut(generator, config.layer)
    run = expected(cut, params, config, options.method, given, perceptual)
    return Job(options, run, chip, devices, photographs)
