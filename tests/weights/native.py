"""The published PGGAN codebases in numpy float64: random state dicts, and their forward passes.

Written from the facts about each codebase, on arrays as they are stored. Every ``forward_*`` gives
the image and a dict from the codebase's own names of cuts to the features it has there.
"""

import numpy as np

from tests.weights.maths import (
    bilinear,
    channels,
    conv,
    conv_transpose,
    fused_up_conv,
    leaky,
    nearest,
    pixel_norm,
    square,
)

ROOT2 = np.sqrt(2)


def he(gain, *fan):
    return gain / np.sqrt(np.prod(fan))


class Draw:
    """Random arrays by name."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.arrays = {}

    def __call__(self, name, *shape, size=1.0):
        self.arrays[name] = (size * self.rng.standard_normal(shape)).astype(np.float32)

    def layer(self, weight, bias, shape, width):
        self(weight, *shape)
        self(bias, width, size=0.5)


def float64(arrays):
    return {name: np.asarray(array, np.float64) for name, array in arrays.items()}


# mGANprior, HiGAN, InterFaceGAN, PmSFC; and the GenForce library.


def draw_mganprior(seed, latent, widths, *, fused=False):
    draw = Draw(seed)
    draw.arrays["lod"] = np.zeros((), np.float32)
    before = latent
    for level, width in enumerate(widths):
        for layer in (2 * level, 2 * level + 1):
            k = 3 if layer else 4
            if fused and layer and layer % 2 == 0:
                draw(f"layer{layer}.weight", k, k, before, width)
            else:
                draw(f"layer{layer}.conv.weight", width, before, k, k)
            draw(f"layer{layer}.wscale.bias", width, size=0.5)
            before = width
        draw(f"output{level}.conv.weight", 3, width, 1, 1)
        draw(f"output{level}.wscale.bias", 3, size=0.5)
    return draw.arrays


def draw_genforce(seed, latent, widths, *, fused=False):
    plain = draw_mganprior(seed, latent, widths)
    renamed = {}
    for name, array in plain.items():
        layer = int(name.split(".")[0][5:]) if name.startswith("layer") else 1
        transposed = fused and layer and layer % 2 == 0 and array.ndim == 4
        name = name.replace(".conv.weight", ".weight").replace(".wscale.bias", ".bias")
        renamed[name] = array.swapaxes(0, 1).copy() if transposed else array
    return renamed


def forward_mganprior(arrays, z, *, lod=None):
    """A level of detail between whole numbers stops at the next resolution below: no fading."""
    a = float64(arrays)
    stop = int(np.ceil(float(a["lod"]) if lod is None else lod))
    features, images = _pixel_norm_first(a, z, ".conv.weight", ".wscale.bias", "HWIO")
    return nearest(images[len(images) - 1 - stop], 2**stop), features


def forward_genforce(arrays, z, *, lod=None, fused=False):
    a = float64(arrays)
    lod = float(a["lod"]) if lod is None else lod
    features, images = _pixel_norm_first(a, z, ".weight", ".bias", "IOHW" if fused else None)
    top = len(images) - 1
    whole, share = int(np.floor(lod)), lod - np.floor(lod)
    image = images[top - whole]
    if share:
        image = image * (np.ceil(lod) - lod) + nearest(images[top - whole - 1]) * share
    return nearest(image, 2**whole), features


def _pixel_norm_first(a, z, weight, bias, fused_axes):
    x, features, images, layer = square(z), {}, [], 0
    while f"layer{layer}{bias}" in a:
        x, doubles = pixel_norm(x), layer and layer % 2 == 0
        stored = a.get(f"layer{layer}{weight}")
        if doubles and (stored is None or fused_axes == "IOHW"):
            kernel = (
                stored if stored is not None else a[f"layer{layer}.weight"].transpose(2, 3, 0, 1)
            )
            x = fused_up_conv(x, kernel * he(ROOT2, 9, kernel.shape[0]))
        else:
            x = nearest(x) if doubles else x
            x = conv(x, stored, 1 if layer else 3) * he(ROOT2, *stored.shape[1:])
        x = leaky(x + channels(a[f"layer{layer}{bias}"]))
        features[f"layer{layer}"] = x
        if layer % 2:
            kernel = a[f"output{layer // 2}{weight}"]
            image = conv(pixel_norm(x), kernel, 0) * he(1, kernel.shape[1])
            images.append(image + channels(a[f"output{layer // 2}{bias}"]))
        layer += 1
    return features, images


# ptrblck and GAN Dissection: one image layer; scales stored, or not.


def draw_ptrblck(seed, latent, widths, *, first=0, layer="features.{}", image="output"):
    draw, before = Draw(seed), latent
    for index in range(2 * len(widths)):
        name, width = layer.format(index + first), widths[index // 2]
        k = 3 if index else 4
        draw.layer(f"{name}.conv.weight", f"{name}.wscale.b", (width, before, k, k), width)
        scale = he(ROOT2, before, k, k) * draw.rng.uniform(0.6, 1.6)
        draw.arrays[f"{name}.wscale.scale"] = np.full(1, scale, np.float32)
        before = width
    draw.layer(f"{image}.conv.weight", f"{image}.wscale.b", (3, before, 1, 1), 3)
    draw.arrays[f"{image}.wscale.scale"] = np.full(1, 1.3 * he(1, before), np.float32)
    return draw.arrays


def draw_gandissect(seed, latent, widths, *, stored_scale=False):
    side = 2 ** (len(widths) + 1)
    arrays = draw_ptrblck(
        seed, latent, widths, first=1, layer="layer{}", image=f"output_{side}x{side}"
    )
    return {n: array for n, array in arrays.items() if stored_scale or not n.endswith(".scale")}


def forward_ptrblck(arrays, z, *, first=0, layer="features.{}", image="output"):
    a, x, features = float64(arrays), square(z), {}
    names = [layer.format(i + first) for i in range(len(a))]
    for index, name in enumerate(n for n in names if f"{n}.conv.weight" in a):
        kernel = a[f"{name}.conv.weight"]
        x = pixel_norm(x)
        x = nearest(x) if index and index % 2 == 0 else x
        scale = a.get(f"{name}.wscale.scale", he(ROOT2, *kernel.shape[1:]))
        x = conv(x, kernel, 1 if index else 3) * scale + channels(a[f"{name}.wscale.b"])
        features[name] = x = leaky(x)
    kernel = a[f"{image}.conv.weight"]
    scale = a.get(f"{image}.wscale.scale", he(1, kernel.shape[1]))
    return conv(pixel_norm(x), kernel, 0) * scale + channels(a[f"{image}.wscale.b"]), features


def forward_gandissect(arrays, z, *, output="linear"):
    image = next(n for n in arrays if n.startswith("output_")).split(".")[0]
    x, features = forward_ptrblck(arrays, z, first=1, layer="layer{}", image=image)
    return (np.clip(x, -1, 1) if output == "clip" else x), features


# pytorch_GAN_zoo: the scale multiplies the bias too.


def draw_zoo(seed, latent, widths, *, wrapper=".module"):
    draw, before = Draw(seed), widths[0]

    def layer(name, shape, width):
        draw.layer(f"{name}{wrapper}.weight", f"{name}{wrapper}.bias", shape, width)

    layer("formatLayer", (16 * before, latent), 16 * before)
    layer("groupScale0.0", (before, before, 3, 3), before)
    layer("toRGBLayers.0", (3, before, 1, 1), 3)
    for index, width in enumerate(widths[1:]):
        layer(f"scaleLayers.{index}.0", (width, before, 3, 3), width)
        layer(f"scaleLayers.{index}.1", (width, width, 3, 3), width)
        layer(f"toRGBLayers.{index + 1}", (3, width, 1, 1), 3)
        before = width
    return draw.arrays


def forward_zoo(arrays, z, *, output="linear", equalised=True, alpha=0.0, slope=0.2):
    a = {name.replace(".module.", "."): v for name, v in float64(arrays).items()}

    def scaled(name, apply):
        weight = a[f"{name}.weight"]
        c = he(ROOT2, *weight.shape[1:]) if equalised else 1.0
        return c * apply(weight, a[f"{name}.bias"])

    def layer(x, name):
        x = scaled(name, lambda w, b: conv(x, w, w.shape[2] // 2) + channels(b))
        return x if name.startswith("toRGB") else pixel_norm(leaky(x, slope))

    x = scaled("formatLayer", lambda w, b: pixel_norm(z) @ w.T + b)
    first = leaky(x, slope).reshape(len(z), -1, 4, 4)
    x = layer(pixel_norm(first), "groupScale0.0")
    features, index, below = {"formatLayer": first, "scale0": x}, 0, None
    while f"scaleLayers.{index}.0.weight" in a:
        below = nearest(layer(x, f"toRGBLayers.{index}"))
        x = layer(layer(nearest(x), f"scaleLayers.{index}.0"), f"scaleLayers.{index}.1")
        features[f"scaleLayers.{index}"] = x
        index += 1
    image = layer(x, f"toRGBLayers.{index}")
    image = alpha * below + (1 - alpha) * image if alpha else image
    return (np.tanh(image) if output == "tanh" else image), features


# akanimax, version 3 and 2.


def draw_akanimax(seed, latent, widths, *, version=3, equalised=True):
    draw, before = Draw(seed), latent
    for block, width in zip(_akanimax_blocks(len(widths), version), widths, strict=True):
        first = block in ("initial_block", "layers.0") and before == latent and not draw.arrays
        shape = (before, width, 4, 4) if first else (width, before, 3, 3)
        draw.layer(f"{block}.conv_1.weight", f"{block}.conv_1.bias", shape, width)
        draw.layer(f"{block}.conv_2.weight", f"{block}.conv_2.bias", (width, width, 3, 3), width)
        before = width
    for level, width in enumerate(widths):
        name = f"rgb_converters.{level}"
        draw.layer(f"{name}.weight", f"{name}.bias", (3, width, 1, 1), 3)
    if not equalised:
        for name in draw.arrays:
            draw.arrays[name] *= np.float32(0.1)
    return draw.arrays


def _akanimax_blocks(levels, version):
    if version == 3:
        return [f"layers.{i}" for i in range(levels)]
    return ["initial_block", *(f"layers.{i}" for i in range(levels - 1))]


def forward_akanimax(arrays, z, *, version=3, equalised=True, alpha=1.0, depth=None):
    a = float64(arrays)
    blocks = _akanimax_blocks(sum(".conv_1.bias" in name for name in a), version)
    lowest = 2 if version == 3 else 1
    level = len(blocks) - 1 if depth is None else depth - lowest

    def layer(x, name, pad):
        kernel = a[f"{name}.weight"]
        scale = he(ROOT2, *kernel.shape[1:]) if equalised else 1.0
        return conv(x, kernel, pad) * scale + channels(a[f"{name}.bias"])

    x = square(pixel_norm(z) if version == 3 else z)
    kernel = a[f"{blocks[0]}.conv_1.weight"]
    x = conv_transpose(x, kernel, 1, 0) * (he(ROOT2, kernel.shape[0]) if equalised else 1.0)
    x = leaky(x + channels(a[f"{blocks[0]}.conv_1.bias"]))
    x = pixel_norm(leaky(layer(x, f"{blocks[0]}.conv_2", 1)))
    features, below = {blocks[0]: x}, None
    for index, block in enumerate(blocks[1 : level + 1]):
        below = nearest(layer(x, f"rgb_converters.{index}", 0))
        x = pixel_norm(leaky(layer(nearest(x), f"{block}.conv_1", 1)))
        features[block] = x = pixel_norm(leaky(layer(x, f"{block}.conv_2", 1)))
    image = layer(x, f"rgb_converters.{level}", 0)
    return (image if below is None else alpha * image + (1 - alpha) * below), features


# rosinality and odegeasslbc: pixel norm before the activation.


def draw_rosinality(seed, latent, widths, *, classes=3):
    draw, before = Draw(seed), latent + classes
    draw("label_embed.weight", classes, classes)
    for level, width in enumerate(widths):
        for index, k in ((0, 3 if level else 4), (3, 3)):
            name = f"progression.{level}.conv.{index}.conv"
            draw.layer(f"{name}.weight_orig", f"{name}.bias", (width, before, k, k), width)
            before = width
        draw.layer(f"to_rgb.{level}.weight", f"to_rgb.{level}.bias", (3, width, 1, 1), 3)
    return draw.arrays


def forward_rosinality(arrays, z, *, label=0, step, alpha=1.0):
    a = float64(arrays)
    embedded = np.repeat(a["label_embed.weight"][label][None], len(z), 0)
    x, features, below = square(np.concatenate([pixel_norm(z), embedded], 1)), {}, None
    for level in range(step + 1):
        if level:
            x = nearest(x)
            below = conv(x, a[f"to_rgb.{level - 1}.weight"], 0)
            below = below + channels(a[f"to_rgb.{level - 1}.bias"])
        for index in (0, 3):
            name = f"progression.{level}.conv.{index}.conv"
            kernel = a[f"{name}.weight_orig"]
            pad = 3 if kernel.shape[2] == 4 else 1
            x = conv(x, kernel * he(ROOT2, *kernel.shape[1:]), pad) + channels(a[f"{name}.bias"])
            x = leaky(pixel_norm(x))
        features[f"progression.{level}"] = x
    image = conv(x, a[f"to_rgb.{step}.weight"], 0) + channels(a[f"to_rgb.{step}.bias"])
    return (alpha * image + (1 - alpha) * below if 0 <= alpha < 1 else image), features


SIDES = (4, 8, 16, 32, 64, 128, 256)


def draw_odegeasslbc(seed, latent, width):
    draw, before = Draw(seed), width
    name = "input_layer.0.conv"
    draw.layer(f"{name}.weight_orig", f"{name}.bias", (latent, width, 4, 4), width)
    for side in SIDES:
        out = width if side < 64 else max(1, width * 32 // side)
        for index in (0, 3):
            name = f"progression_{side}.conv.{index}.conv"
            draw.layer(f"{name}.weight_orig", f"{name}.bias", (out, before, 3, 3), out)
            before = out
        if side > 4:
            name = f"to_rgb_{side}.conv"
            draw.layer(f"{name}.weight_orig", f"{name}.bias", (3, out, 1, 1), 3)
    return draw.arrays


def forward_odegeasslbc(arrays, z, *, step, output="tanh", alpha=1.0):
    a = float64(arrays)

    def layer(x, name):
        kernel = a[f"{name}.weight_orig"]
        kernel = kernel * he(ROOT2, *kernel.shape[1:])
        return conv(x, kernel, kernel.shape[2] // 2) + channels(a[f"{name}.bias"])

    kernel = a["input_layer.0.conv.weight_orig"]
    x = conv_transpose(square(z), kernel * he(ROOT2, *kernel.shape[1:]), 1, 0)
    x = leaky(pixel_norm(x + channels(a["input_layer.0.conv.bias"])), 0.1)
    features, before = {}, None
    for side in SIDES[: step + 1]:
        before = x
        x = bilinear(x) if side > 4 else x
        for index in (0, 3):
            x = leaky(pixel_norm(layer(x, f"progression_{side}.conv.{index}.conv")), 0.1)
        features[f"progression_{side}"] = x
    image = layer(x, f"to_rgb_{SIDES[step]}.conv")
    if alpha < 1 and step > 1:
        below = bilinear(layer(before, f"to_rgb_{SIDES[step - 1]}.conv"))
        image = (1 - alpha) * below + alpha * image
    return (np.tanh(image) if output == "tanh" else image), features


# The official TensorFlow network.


def draw_tf(seed, latent, widths, *, fused=False):
    draw, before = Draw(seed), widths[0]
    draw.arrays["lod"] = np.zeros((), np.float32)
    draw.layer("4x4/Dense/weight", "4x4/Dense/bias", (latent, 16 * before), before)
    draw.layer("4x4/Conv/weight", "4x4/Conv/bias", (3, 3, before, before), before)
    for level, width in enumerate(widths[1:], 1):
        block = f"{4 * 2**level}x{4 * 2**level}"
        name = f"{block}/Conv0_up" if fused else f"{block}/Conv0"
        shape = (3, 3, width, before) if fused else (3, 3, before, width)
        draw.layer(f"{name}/weight", f"{name}/bias", shape, width)
        draw.layer(f"{block}/Conv1/weight", f"{block}/Conv1/bias", (3, 3, width, width), width)
        before = width
    for level, width in enumerate(widths):
        name = f"ToRGB_lod{len(widths) - 1 - level}"
        draw.layer(f"{name}/weight", f"{name}/bias", (1, 1, width, 3), 3)
    return draw.arrays


def forward_tf(arrays, z, *, lod=None):
    a = float64(arrays)
    lod = float(a["lod"]) if lod is None else lod

    def layer(x, name, gain=ROOT2):
        kernel = a[f"{name}/weight"]
        kernel = kernel * he(gain, *kernel.shape[:3])
        return conv(x, kernel.transpose(3, 2, 0, 1), kernel.shape[0] // 2) + channels(
            a[f"{name}/bias"]
        )

    x = pixel_norm(z) @ a["4x4/Dense/weight"] * he(ROOT2 / 4, z.shape[1])
    x = x.reshape(len(z), -1, 4, 4) + channels(a["4x4/Dense/bias"])
    x = pixel_norm(leaky(layer(pixel_norm(leaky(x)), "4x4/Conv")))
    features, levels = {"4x4": x}, sum(name.startswith("ToRGB") for name in a) // 2
    images = [layer(x, f"ToRGB_lod{levels - 1}", gain=1)]
    for level in range(1, levels):
        block = f"{4 * 2**level}x{4 * 2**level}"
        if f"{block}/Conv0_up/weight" in a:
            kernel = a[f"{block}/Conv0_up/weight"]
            kernel = kernel * he(ROOT2, 9, kernel.shape[3])
            x = fused_up_conv(x, kernel.transpose(3, 2, 0, 1)) + channels(
                a[f"{block}/Conv0_up/bias"]
            )
        else:
            x = layer(nearest(x), f"{block}/Conv0")
        x = pixel_norm(leaky(layer(pixel_norm(leaky(x)), f"{block}/Conv1")))
        features[block] = x
        images.append(layer(x, f"ToRGB_lod{levels - 1 - level}", gain=1))
    whole, share = int(np.floor(lod)), lod - np.floor(lod)
    image = images[levels - 1 - whole]
    if share:
        image = (1 - share) * image + share * nearest(images[levels - 2 - whole])
    return nearest(image, 2**whole), features
