"""LPIPS' heads (richzhang/PerceptualSimilarity v0.1): ``lin{k}.model.1.weight (1, C, 1, 1)``.

One weight for each channel of each layer that is compared. The constants of the input and the
network itself are not in the file.
"""

from dataclasses import asdict

import numpy as np

from pmsfc_jax.nn.lpips_heads import FAMILY, LPIPSHeadsConfig
from pmsfc_jax.weights.layouts.check import check_arrays
from pmsfc_jax.weights.layouts.layout import LPIPS, Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices


def _convert(group: Group, choices: Choices) -> Conversion:
    layers = max(1, count(group.arrays, r"lin(\d{1,2})\.model\.1\.weight"))
    names = [f"lin{k}.model.1.weight" for k in range(layers)]
    check_arrays(group.arrays, dict.fromkeys(names, (1, None, 1, 1)))
    params = {
        f"lin{k}": {"weight": np.array(group.arrays[name][0, :, 0, 0], np.float32)}
        for k, name in enumerate(names)
    }
    config = LPIPSHeadsConfig(tuple(len(head["weight"]) for head in params.values()))
    return Conversion(FAMILY, asdict(config), params, {}, LPIPS)


LAYOUT = Layout(
    name="lpips_heads",
    codebases="richzhang/PerceptualSimilarity's lpips/weights/v0.1",
    keys=(),
    own=(r"lin\d+\.model\.1\.weight",),
    preferred=(),
    options=(),
    convert=_convert,
)
