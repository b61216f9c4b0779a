"""fletchersarip93/face-generator: ``generator_deconv.{i}``, each a convolution and its norm.

An unusual stack. Stage 0 has a batch norm but no activation; a kernel of 3x3 is a *plain*
convolution (O, I), of 4x4 a transposed one (I, O) that doubles; the last stage has a bias and no
norm. Leaky ReLUs of slope 0.2, and a tanh at the end. Codes are uniform between -1 and 1.
"""

from pmsfc_jax.weights.layouts.dcgan.facts import OPTIONS, settle_facts
from pmsfc_jax.weights.layouts.dcgan.stages import StageKeys, convert_stages
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices


def _convert(group: Group, choices: Choices) -> Conversion:
    arrays = group.arrays
    last = max(1, count(arrays, r"generator_deconv\.(\d{1,2})\..*") - 1)
    stages = []
    for i in range(last + 1):
        name = f"generator_deconv.{i}"
        kernel = arrays.get(f"{name}.0.weight")
        plain = kernel is not None and kernel.shape[2:] == (3, 3)
        stages.append(
            StageKeys(
                f"{name}.0",
                "plain" if plain else "transposed",
                bias=i == last,
                norm=f"{name}.1" if i < last else "",
                stride=2 if i and not plain else 1,
                padding=1 if i else 0,
                activation="leaky_relu" if 0 < i < last else "linear",
                slope=0.2,
            )
        )
    cuts = {f"generator_deconv.{i}": i for i in range(last)}
    facts = settle_facts(group, choices, stages, prior="uniform")
    return convert_stages(arrays, *facts, native_cuts=cuts)


LAYOUT = Layout(
    name="dcgan_fletchersarip93",
    codebases="fletchersarip93/face-generator",
    keys=(),
    own=(
        r"generator_deconv\.\d+\.0\.(weight|bias)",
        r"generator_deconv\.\d+\.1\.(weight|bias|running_mean|running_var|num_batches_tracked)",
    ),
    preferred=("generator",),
    options=OPTIONS,
    convert=_convert,
)
