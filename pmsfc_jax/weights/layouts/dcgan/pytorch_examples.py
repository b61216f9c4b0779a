"""pytorch/examples ``dcgan``: one `Sequential` of (transposed convolution, batch norm, ReLU).

The activations have numbers in it but no arrays, so that convolutions are ``main.0``, ``main.3``,
``main.6``, ... The first makes 4x4 of the code, each further one doubles; the last has neither norm
nor ReLU but a tanh. Other depths (``ngf * 16`` for 128x128, three stages for 16x16) are read from
the keys. Codes are drawn from a normal distribution. Forks of it have other activations, which a
state dict does not say.
"""

from pmsfc_jax.weights.layouts.dcgan.facts import OPTIONS, settle_facts
from pmsfc_jax.weights.layouts.dcgan.stages import StageKeys, convert_stages
from pmsfc_jax.weights.layouts.layout import Conversion, Group, Layout, count
from pmsfc_jax.weights.layouts.options import Choices

_PARTS = r"(weight|bias|running_mean|running_var|num_batches_tracked)"


def _convert(group: Group, choices: Choices) -> Conversion:
    # A norm at the end belongs to a convolution before it, and lacks the one after it.
    last = max(1, (count(group.arrays, r"main\.(\d{1,3})\..*") + 1) // 3)
    stages = [
        StageKeys(
            f"main.{3 * i}",
            "transposed",
            norm=f"main.{3 * i + 1}" if i < last else "",
            stride=2 if i else 1,
            padding=1 if i else 0,
            activation="relu" if i < last else "linear",
        )
        for i in range(last + 1)
    ]
    cuts = {f"main.{3 * i + 2}": i for i in range(last)}
    facts = settle_facts(group, choices, stages)
    return convert_stages(group.arrays, *facts, native_cuts=cuts)


LAYOUT = Layout(
    name="dcgan_pytorch_examples",
    codebases="pytorch/examples dcgan and the tutorial that grew from it",
    keys=(rf"main\.\d+\.{_PARTS}",),
    # Of the same names, the discriminator of the codebase has no norm after its first convolution.
    own=(rf"main\.1\.{_PARTS}",),
    preferred=("netG", "generator", "G"),
    options=(*OPTIONS, "activation", "padding"),
    convert=_convert,
)
