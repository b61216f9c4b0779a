"""What the options of several commands share; knows no jax."""

from pathlib import Path
from typing import Annotated

import tyro

from pmsfc_jax.cli.parsing import given

#: The generator that is shipped with the package.
DEFAULT_GENERATOR = "pggan_tops32"
#: Settings of a generator that no array hangs on. Repeated options add up.
GeneratorSet = Annotated[
    tuple[tuple[str, ...], ...],
    tyro.conf.UseAppendAction,
    given(
        "FIELD=VALUE ...",
        "as they are stored",
        "Settings of the generator that no array hangs on, such as latent_space=z truncation=0.7 "
        "of StyleGAN2 or label=7 of a conditional one.",
    ),
]
#: Where weights are looked for.
WeightsDir = Annotated[
    Path | None, given("FOLDER", "./ported_weights", "Where to look first for weights.")
]
