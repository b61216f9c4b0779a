"""What both BigGAN layouts share: the settings of a conversion."""

from dataclasses import asdict, replace

from pmsfc_jax.core.typing import Params
from pmsfc_jax.nn.biggan import FAMILY, BigGANConfig
from pmsfc_jax.weights.layouts.layout import Conversion
from pmsfc_jax.weights.layouts.options import Choices

#: Facts that every BigGAN layout takes.
SETTINGS = ("truncation", "label", "optimise_class", "epsilon")


def settled(
    config: BigGANConfig,
    truncation: float | None,
    choices: Choices,
    params: Params,
    cuts: dict[str, int],
) -> Conversion:
    """The conversion, its configuration with what the user chose."""
    config = replace(
        config,
        truncation=truncation,
        label=choices.maybe("label"),
        optimise_class=choices.pick("optimise_class", default=True),
    )
    return Conversion(FAMILY, asdict(config), params, cuts)
