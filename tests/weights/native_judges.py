"""Random checkpoints of judging networks in their codebases' keys."""

import numpy as np

#: Numbers of the fire modules of each version of SqueezeNet in torchvision.
FIRES = {"1.0": (3, 4, 5, 7, 8, 9, 10, 12), "1.1": (3, 4, 6, 7, 9, 10, 11, 12)}


def layer(rng, out, incoming, side, gain=1.4):
    weight = gain * rng.standard_normal((out, incoming, side, side)) / np.sqrt(incoming * side**2)
    return weight.astype(np.float32), (0.1 * rng.standard_normal(out)).astype(np.float32)


def draw_vgg(widths, classifier=True):
    """A random file; a full one has a classifier."""
    rng, arrays, incoming, number = np.random.default_rng(0), {}, 3, 0
    for width, depth in zip(widths, (2, 2, 3, 3, 3), strict=False):
        for _ in range(depth):
            name = f"features.{number}"
            arrays[f"{name}.weight"], arrays[f"{name}.bias"] = layer(rng, width, incoming, 3)
            incoming, number = width, number + 2
        number += 1
    if classifier:
        for i in (0, 3, 6):
            arrays[f"classifier.{i}.weight"] = np.ones((4, 4), np.float32)
            arrays[f"classifier.{i}.bias"] = np.ones(4, np.float32)
    return arrays


def draw_squeezenet(version):
    rng = np.random.default_rng(1)
    width, side = {"1.0": (96, 7), "1.1": (64, 3)}[version]
    arrays = {}

    def add(name, *shape):
        arrays[f"{name}.weight"], arrays[f"{name}.bias"] = layer(rng, *shape)

    add("features.0", width, 3, side)
    squeezes = (16, 16, 32, 32, 48, 48, 64, 64)
    for number, squeezed in zip(FIRES[version], squeezes, strict=True):
        add(f"features.{number}.squeeze", squeezed, width, 1)
        add(f"features.{number}.expand1x1", 4 * squeezed, squeezed, 1)
        add(f"features.{number}.expand3x3", 4 * squeezed, squeezed, 3)
        width = 8 * squeezed
    add("classifier.1", 10, 512, 1)
    return arrays
