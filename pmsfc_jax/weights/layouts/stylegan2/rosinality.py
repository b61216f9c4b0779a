"""rosinality/stylegan2-pytorch: ``{g_ema, latent_avg}``, or a file of its training.

A file of the training has no ``latent_avg``.
"""

import numpy as np

from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout
from pmsfc_jax.weights.layouts.options import Choices
from pmsfc_jax.weights.layouts.stylegan2.equalised import Names, convert
from pmsfc_jax.weights.layouts.stylegan2.facts import SETTINGS


def _convert(group: Group, choices: Choices) -> Conversion:
    mean = group.beside.get("latent_avg")
    known = {"latent_avg": mean} if isinstance(mean, np.ndarray) else {}
    return convert(group.arrays, Names(), choices, known)


LAYOUT = Layout(
    name="stylegan2_rosinality",
    codebases="rosinality/stylegan2-pytorch",
    keys=(
        r"style\.\d+\.(weight|bias)",
        r"input\.input",
        r"(conv1|convs\.\d+)\.(conv\..*|noise\.weight|activate\.bias)",
        r"noises\.noise_\d+",
    ),
    own=(r"to_rgb(1|s\.\d+)\.conv\.modulation\.(weight|bias)",),
    preferred=("g_ema", "g"),
    options=SETTINGS,
    convert=_convert,
)
