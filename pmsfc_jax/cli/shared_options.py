"""What the options of several commands share; knows no jax."""

from typing import Annotated

import tyro

from pmsfc_jax.cli.parsing import given

#: The generator that is shipped with the package.
DEFAULT_GENERATOR = "pggan_tops32"
#: Settings of a generator that no array hangs on. Repeated options add up.
GeneratorSet = Annotated[
    tuple[tuple[str, ...], ...],
    tyro.conf.UseAppendAction,
    given("FIELD=VALUE ...", "as they are stored"),
]
