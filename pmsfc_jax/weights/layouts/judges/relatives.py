"""Networks of torchvision that look like VGG16 and are not: by the numbers of their layers."""

import re
from collections.abc import Mapping

import numpy as np

#: Numbers of the convolutions in ``features``, among ReLUs and poolings.
VGG16 = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
_OTHERS = {
    "VGG11": (0, 3, 6, 8, 11, 13, 16, 18),
    "VGG13": (0, 2, 5, 7, 10, 12, 15, 17, 20, 22),
    "VGG19": (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34),
    "AlexNet": (0, 3, 6, 8, 10),
}
_ADVICE = "expected VGG16 without batch norms, which `pmsfc fetch vgg16` gets"


def other_vgg(arrays: Mapping[str, np.ndarray]) -> str:
    """Say which other network the arrays are of; nothing where they may be of VGG16."""
    found = (re.fullmatch(r"features\.(\d{1,3})\.weight", name) for name in arrays)
    numbers = tuple(
        sorted(int(match[1]) for match in found if match and arrays[match[0]].ndim == 4)
    )
    if not numbers or numbers[0]:
        return ""
    if any(re.fullmatch(r"features\.\d{1,3}\.running_mean", name) for name in arrays):
        return f"is a VGG with batch norms ({len(numbers)} convolutions); {_ADVICE}"
    if set(numbers) <= set(VGG16):
        return ""
    for name, layers in _OTHERS.items():
        if numbers == layers[: len(numbers)]:
            return f"is {name} ({len(numbers)} convolutions); {_ADVICE}"
    return ""
