"""Random DCGAN checkpoints in PyTorch's keys, and what they draw, in float64 and independent."""

import numpy as np

from tests.weights.maths import channels, conv, conv_transpose, leaky, square


def draw(seed, latent, stages, counters=False):
    """Arrays of ``(name, kind, width, kernel, bias, norm)`` stages, in the file's order."""
    rng = np.random.default_rng(seed)
    arrays, incoming = {}, latent
    for name, kind, width, kernel, bias, norm in stages:
        outgoing = width
        if kind == "dense":
            outgoing = width * kernel * kernel
            shape = (outgoing, incoming)
        elif kind == "transposed":
            shape = (incoming, width, kernel, kernel)
        else:
            shape = (width, incoming, kernel, kernel)
        arrays[f"{name}.weight"] = rng.standard_normal(shape) / np.sqrt(incoming)
        if bias:
            arrays[f"{name}.bias"] = rng.standard_normal(outgoing)
        if norm:
            length = outgoing if norm.endswith("flat") else width
            for part in ("weight", "bias", "running_mean"):
                arrays[f"{norm}.{part}"] = rng.standard_normal(length)
            arrays[f"{norm}.running_var"] = rng.uniform(0.5, 2, length)
            if counters:
                arrays[f"{norm}.num_batches_tracked"] = np.array(7)
        incoming = width
    floats = {k: v.astype(np.float32) for k, v in arrays.items() if v.dtype.kind == "f"}
    return {name: floats.get(name, array) for name, array in arrays.items()}


def pytorch_examples(seed, latent, widths, counters=False):
    stages = [
        (f"main.{3 * i}", "transposed", width, 4, False, f"main.{3 * i + 1}")
        for i, width in enumerate(widths)
    ]
    stages.append((f"main.{3 * len(widths)}", "transposed", 3, 4, False, ""))
    return draw(seed, latent, stages, counters)


def fletchersarip93(seed, latent, widths, plain=(1,), counters=False):
    name = "generator_deconv.{}.{}".format
    stages = []
    for i, width in enumerate(widths):
        kind, kernel = ("plain", 3) if i in plain else ("transposed", 4)
        stages.append((name(i, 0), kind, width, kernel, False, name(i, 1)))
    stages.append((name(len(widths), 0), "transposed", 3, 4, True, ""))
    return draw(seed, latent, stages, counters)


def normed(x, arrays, name, epsilon=1e-5):
    mean, variance, gamma, beta = (
        channels(arrays[f"{name}.{part}"].astype(np.float64))
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def forward_pytorch_examples(arrays, z):
    x, i = square(z), 0
    while True:
        stride, padding = (2, 1) if i else (1, 0)
        x = conv_transpose(x, arrays[f"main.{i}.weight"], stride, padding)
        if f"main.{i + 1}.weight" not in arrays:
            return np.tanh(x)
        x = np.maximum(normed(x, arrays, f"main.{i + 1}"), 0)
        i += 3


def forward_fletchersarip93(arrays, z):
    x, i = square(z), 0
    while True:
        weight = arrays[f"generator_deconv.{i}.0.weight"]
        if weight.shape[2] == 3:
            x = conv(x, weight, 1)
        else:
            x = conv_transpose(x, weight, 2 if i else 1, 1 if i else 0)
        if f"generator_deconv.{i}.1.weight" not in arrays:
            return np.tanh(x + channels(arrays[f"generator_deconv.{i}.0.bias"]))
        x = normed(x, arrays, f"generator_deconv.{i}.1")
        x = leaky(x) if i else x
        i += 1
