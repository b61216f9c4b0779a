"""Random BigGAN checkpoints in both codebases' keys, and what they draw, in float64.

Batch norms and spectral norms are evaluated as they stand in the codebases, and not folded.
"""

from itertools import pairwise

import numpy as np

from tests.weights.maths import channels, conv, nearest


def _unit(x):
    return x / np.linalg.norm(x)


def _normalised(arrays, name, kind):
    """A kernel divided by its spectral norm as the codebase evaluates it."""
    if kind == "huggingface":
        weight = arrays[f"{name}.weight_orig"].astype(np.float64)
        u, v = arrays[f"{name}.weight_u"], arrays[f"{name}.weight_v"]
        return weight / (u @ weight.reshape(len(weight), -1) @ v)
    weight = arrays[f"{name}.weight"].astype(np.float64)
    matrix = weight.reshape(len(weight), -1)
    v = _unit(arrays[f"{name}.u0"].astype(np.float64) @ matrix)
    u = _unit(v @ matrix.T)
    return weight / (v @ matrix.T @ u.T).item()


class _Draw:
    def __init__(self, seed, kind):
        self.rng, self.kind, self.arrays = np.random.default_rng(seed), kind, {}

    def put(self, name, *shape, mean=0.0):
        self.arrays[name] = np.asarray(mean + self.rng.standard_normal(shape), np.float32)

    def kernel(self, name, *shape, bias=True):
        """A kernel with the vectors of its spectral norm, which are not converged."""
        if bias:
            self.put(f"{name}.bias", shape[0])
        if self.kind == "ajbrock":
            self.put(f"{name}.weight", *shape)
            self.put(f"{name}.u0", 1, shape[0])
            self.arrays[f"{name}.sv0"] = np.full(1, 123, np.float32)
            return
        self.put(f"{name}.weight_orig", *shape)
        matrix = self.arrays[f"{name}.weight_orig"].reshape(shape[0], -1)
        u, _, v = np.linalg.svd(matrix, full_matrices=False)
        for letter, vector in (("u", u[:, 0]), ("v", v[0])):
            near = vector + 0.2 * self.rng.standard_normal(vector.shape) / np.sqrt(len(vector))
            self.arrays[f"{name}.weight_{letter}"] = _unit(near).astype(np.float32)

    def variance(self, name, *shape):
        self.arrays[name] = self.rng.uniform(0.5, 2, shape).astype(np.float32)


def ajbrock(seed, chunk, class_dim, classes, widths, attention=(), hierarchical=True):
    draw = _Draw(seed, "ajbrock")
    condition = class_dim + chunk * hierarchical
    draw.put("shared.weight", classes, class_dim)
    draw.kernel("linear", 16 * widths[0], chunk)
    for i, (incoming, width) in enumerate(pairwise(widths)):
        name = f"blocks.{i}.0"
        draw.kernel(f"{name}.conv1", width, incoming, 3, 3)
        draw.kernel(f"{name}.conv2", width, width, 3, 3)
        draw.kernel(f"{name}.conv_sc", width, incoming, 1, 1)
        for norm, c in (("bn1", incoming), ("bn2", width)):
            draw.put(f"{name}.{norm}.stored_mean", c)
            draw.variance(f"{name}.{norm}.stored_var", c)
            draw.kernel(f"{name}.{norm}.gain", c, condition, bias=False)
            draw.kernel(f"{name}.{norm}.bias", c, condition, bias=False)
        if i in attention:
            name = f"blocks.{i}.1"
            draw.arrays[f"{name}.gamma"] = np.array(0.7, np.float32)
            for part, out, c in (("theta", 2, width), ("phi", 2, width), ("g", 3, width)):
                draw.kernel(f"{name}.{part}", out, c, 1, 1, bias=False)
            draw.kernel(f"{name}.o", width, 3, 1, 1, bias=False)
    for part in ("gain", "bias", "stored_mean"):
        draw.put(f"output_layer.0.{part}", widths[-1])
    draw.variance("output_layer.0.stored_var", widths[-1])
    draw.kernel("output_layer.2", 3, widths[-1], 3, 3)
    return draw.arrays


def _softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def _attended(x, theta, phi, g, o, gamma):
    """Attention over maps ``[b, C, H, W]``, keys and values being maxima of two by two pixels."""

    def one(kernel):
        return np.einsum("bchw,oc->bohw", x, kernel[:, :, 0, 0])

    def pooled(y):
        b, c, h, w = y.shape
        return y.reshape(b, c, h // 2, 2, w // 2, 2).max((3, 5)).reshape(b, c, -1)

    query = one(theta).reshape(*one(theta).shape[:2], -1)
    beta = _softmax(np.einsum("bci,bcj->bij", query, pooled(one(phi))))
    seen = np.einsum("bij,bcj->bci", beta, pooled(one(g)))
    return x + gamma * np.einsum("bci,oc->boi", seen, o[:, :, 0, 0]).reshape(x.shape)


def forward_ajbrock(arrays, z, label, epsilon=1e-5):
    def kernel(name):
        return _normalised(arrays, name, "ajbrock")

    def convolved(x, name, padding=1):
        return conv(x, kernel(name), padding) + channels(arrays[f"{name}.bias"])

    def norm(x, name, condition):
        gain = 1 + condition @ kernel(f"{name}.gain").T
        bias = condition @ kernel(f"{name}.bias").T
        mean, var = (channels(arrays[f"{name}.stored_{part}"]) for part in ("mean", "var"))
        x = (x - mean) / np.sqrt(var + epsilon)
        return np.maximum(x * gain[:, :, None, None] + bias[:, :, None, None], 0)

    blocks = max(int(name.split(".")[1]) for name in arrays if name.startswith("blocks.")) + 1
    y, z = arrays["shared.weight"][label].astype(np.float64), z.astype(np.float64)
    chunk = arrays["linear.weight"].shape[1]
    parts = [z[:, i : i + chunk] for i in range(0, z.shape[1], chunk)]
    x = (parts[0] @ kernel("linear").T + arrays["linear.bias"]).reshape(len(z), -1, 4, 4)
    for i in range(blocks):
        name = f"blocks.{i}.0"
        condition = np.concatenate([y, parts[i + 1]], 1) if len(parts) > 1 else y
        h = convolved(nearest(norm(x, f"{name}.bn1", condition)), f"{name}.conv1")
        h = convolved(norm(h, f"{name}.bn2", condition), f"{name}.conv2")
        x = h + convolved(nearest(x), f"{name}.conv_sc", 0)
        if f"blocks.{i}.1.gamma" in arrays:
            name = f"blocks.{i}.1"
            kernels = [kernel(f"{name}.{part}") for part in ("theta", "phi", "g", "o")]
            x = _attended(x, *kernels, arrays[f"{name}.gamma"])
    gain, bias, mean, var = (
        channels(arrays[f"output_layer.0.{part}"].astype(np.float64))
        for part in ("gain", "bias", "stored_mean", "stored_var")
    )
    x = np.maximum((x - mean) / np.sqrt(var + 1e-5) * gain + bias, 0)
    return np.tanh(convolved(x, "output_layer.2"))


def huggingface(seed, latent, class_dim, classes, widths, middles, attention, rows=51, outputs=5):
    """Blocks from ``widths[i]`` to ``widths[i + 1]`` channels; attention before that block."""
    draw = _Draw(seed, "huggingface")
    condition, layer = latent + class_dim, 0

    def statistics(name, c):
        draw.put(f"{name}.running_means", rows, c)
        draw.variance(f"{name}.running_vars", rows, c)

    draw.put("embeddings.weight", class_dim, classes)
    draw.kernel("generator.gen_z", 16 * widths[0], condition)
    for i, (incoming, width, middle) in enumerate(zip(widths, widths[1:], middles, strict=False)):
        if i == attention:
            name = f"generator.layers.{layer}"
            draw.arrays[f"{name}.gamma"] = np.full(1, 0.7, np.float32)
            for part, out, c in (
                ("theta", 2, incoming),
                ("phi", 2, incoming),
                ("g", 3, incoming),
                ("o_conv", incoming, 3),
            ):
                draw.kernel(f"{name}.snconv1x1_{part}", out, c, 1, 1, bias=False)
            layer += 1
        name = f"generator.layers.{layer}"
        sizes = (
            (incoming, middle, 1),
            (middle, middle, 3),
            (middle, middle, 3),
            (middle, width, 1),
        )
        for j, (size, out, side) in enumerate(sizes):
            statistics(f"{name}.bn_{j}", size)
            draw.kernel(f"{name}.bn_{j}.scale", size, condition, bias=False)
            draw.kernel(f"{name}.bn_{j}.offset", size, condition, bias=False)
            draw.kernel(f"{name}.conv_{j}", out, size, side, side)
        layer += 1
    statistics("generator.bn", widths[-1])
    draw.put("generator.bn.weight", widths[-1], mean=1)
    draw.put("generator.bn.bias", widths[-1])
    draw.kernel("generator.conv_to_rgb", outputs, widths[-1], 3, 3)
    return draw.arrays


def forward_huggingface(arrays, z, label, row, share=0.0, epsilon=1e-4):
    """``share`` is the weight of ``row`` where it is not all, the rest being the next row's."""

    def kernel(name):
        return _normalised(arrays, f"generator.{name}", "huggingface")

    def convolved(x, name):
        weight = kernel(name)
        padding = weight.shape[2] // 2
        return conv(x, weight, padding) + channels(arrays[f"generator.{name}.bias"])

    def norm(x, name, gain, bias):
        tables = (arrays[f"generator.{name}.running_{part}"] for part in ("means", "vars"))
        mean, var = (t[row] * share + t[row + 1] * (1 - share) if share else t[row] for t in tables)
        x = (x - channels(mean)) / np.sqrt(channels(var) + epsilon)
        return np.maximum(x * gain[:, :, None, None] + bias[:, :, None, None], 0)

    def conditional(x, name):
        gain = 1 + condition @ kernel(f"{name}.scale").T
        return norm(x, name, gain, condition @ kernel(f"{name}.offset").T)

    embedded = arrays["embeddings.weight"].T[label].astype(np.float64)
    condition = np.concatenate([z, embedded], 1)
    x = condition @ kernel("gen_z").T + arrays["generator.gen_z.bias"]
    x = x.reshape(len(z), 4, 4, -1).transpose(0, 3, 1, 2)
    layer = blocks = 0
    while any(name.startswith(f"generator.layers.{layer}.") for name in arrays):
        name = f"layers.{layer}"
        layer += 1
        if f"generator.{name}.gamma" in arrays:
            parts = [kernel(f"{name}.snconv1x1_{part}") for part in ("theta", "phi", "g", "o_conv")]
            x = _attended(x, *parts, arrays[f"generator.{name}.gamma"][0])
            continue
        h = convolved(conditional(x, f"{name}.bn_0"), f"{name}.conv_0")
        h = conditional(h, f"{name}.bn_1")
        if blocks % 2:
            h, x = nearest(h), nearest(x)
        h = conditional(convolved(h, f"{name}.conv_1"), f"{name}.bn_2")
        h = conditional(convolved(h, f"{name}.conv_2"), f"{name}.bn_3")
        h = convolved(h, f"{name}.conv_3")
        x = x[:, : h.shape[1]] + h
        blocks += 1
    gain, bias = (arrays[f"generator.bn.{part}"][None] for part in ("weight", "bias"))
    x = norm(x, "bn", gain, bias)
    return np.tanh(convolved(x, "conv_to_rgb")[:, :3])
