"""Random StyleGAN2 checkpoints in both codebases' keys, and what they draw, in float64.

Kernels are modulated and demodulated for each code by itself, as the article has it, and filters
are convolutions of a map with zeros in between: another way than the package's.
"""

import numpy as np

from tests.weights.maths import channels, conv, conv_transpose, leaky

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def nvlabs(seed, latent, style, depth, widths, architecture="skip", classes=0):
    """Arrays under the names of stylegan2-ada-pytorch."""
    rng = np.random.default_rng(seed)
    arrays = {"mapping.w_avg": rng.standard_normal(style)}

    def dense(name, size, out, std=1.0, mean=0.0):
        arrays[f"{name}.weight"] = std * rng.standard_normal((out, size))
        arrays[f"{name}.bias"] = mean + 0.3 * std * rng.standard_normal(out)

    for i in range(depth):
        incoming = style if i else latent + style * bool(classes)
        dense(f"mapping.fc{i}", incoming, style, std=100)
    if classes:
        dense("mapping.embed", classes, style)
    for level, width in enumerate(widths):
        side, block = 4 * 2**level, f"synthesis.b{4 * 2**level}"
        arrays[f"{block}.resample_filter"] = FILTER
        if not level:
            arrays[f"{block}.const"] = rng.standard_normal((width, 4, 4))
        for conv_name, size in (("conv0", widths[level - 1]), ("conv1", width)):
            if not level and conv_name == "conv0":
                continue
            name = f"{block}.{conv_name}"
            arrays[f"{name}.weight"] = rng.standard_normal((width, size, 3, 3))
            arrays[f"{name}.bias"] = rng.standard_normal(width)
            arrays[f"{name}.noise_const"] = rng.standard_normal((side, side))
            arrays[f"{name}.noise_strength"] = np.array(rng.uniform(0.2, 0.5))
            arrays[f"{name}.resample_filter"] = FILTER
            dense(f"{name}.affine", style, size, mean=1.0)
        if architecture == "skip" or level == len(widths) - 1:
            arrays[f"{block}.torgb.weight"] = rng.standard_normal((3, width, 1, 1))
            arrays[f"{block}.torgb.bias"] = rng.standard_normal(3)
            dense(f"{block}.torgb.affine", style, width, mean=1.0)
        if architecture == "resnet" and level:
            arrays[f"{block}.skip.weight"] = rng.standard_normal((width, widths[level - 1], 1, 1))
            arrays[f"{block}.skip.resample_filter"] = FILTER
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}


def rosinality(arrays):
    """The same skip network under rosinality's names, with its run-time scales divided out."""
    out, layer = {}, 0
    for name, array in arrays.items():
        if name.startswith("mapping.fc"):
            index, part = name.removeprefix("mapping.fc").split(".")
            out[f"style.{int(index) + 1}.{part}"] = array
    levels = sum(name.endswith("torgb.bias") for name in arrays)
    out["input.input"] = arrays["synthesis.b4.const"][None]
    for level in range(levels):
        block = f"synthesis.b{4 * 2**level}"
        for conv_name in ("conv0", "conv1") if level else ("conv1",):
            old, new = f"{block}.{conv_name}", f"convs.{layer - 1}" if layer else "conv1"
            weight = arrays[f"{old}.weight"]
            out[f"{new}.conv.weight"] = weight[None]
            if conv_name == "conv0":
                out[f"{new}.conv.blur.kernel"] = (4 * FILTER).astype(np.float32)
            out[f"{new}.conv.modulation.weight"] = arrays[f"{old}.affine.weight"]
            out[f"{new}.conv.modulation.bias"] = arrays[f"{old}.affine.bias"]
            out[f"{new}.noise.weight"] = arrays[f"{old}.noise_strength"].reshape(1)
            out[f"{new}.activate.bias"] = arrays[f"{old}.bias"]
            out[f"noises.noise_{layer}"] = arrays[f"{old}.noise_const"][None, None]
            layer += 1
        old, new = f"{block}.torgb", f"to_rgbs.{level - 1}" if level else "to_rgb1"
        if level:
            out[f"{new}.upsample.kernel"] = (4 * FILTER).astype(np.float32)
        out[f"{new}.conv.weight"] = arrays[f"{old}.weight"][None]
        out[f"{new}.conv.modulation.weight"] = arrays[f"{old}.affine.weight"]
        out[f"{new}.conv.modulation.bias"] = arrays[f"{old}.affine.bias"]
        out[f"{new}.bias"] = arrays[f"{old}.bias"].reshape(1, 3, 1, 1)
    return out


def openmmlab(arrays):
    """The same network under the names of mmgeneration and mmagic, without a prefix."""
    renamed = {}
    for name, array in rosinality(arrays).items():
        new = name.replace("style.", "style_mapping.", 1) if name.startswith("style.") else name
        if new.endswith(("modulation.weight",)) or name.startswith("style."):
            new = new.replace(".weight", ".linear.weight_orig")
        for old, ours in (
            ("modulation", "style_modulation"),
            ("conv.weight", "conv.weight_orig"),
            ("noise.weight", "noise_injector.weight"),
            ("input.input", "constant_input.input"),
            ("noises.noise_", "injected_noise_"),
        ):
            new = new.replace(old, ours)
        renamed[new] = array
    return renamed


def filtered(x, before, after):
    """Convolve every channel with four times the filter, with zeros around."""
    x = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))
    b, c, h, w = x.shape
    return conv(x.reshape(b * c, 1, h, w), 4 * FILTER[None, None], 0).reshape(b, c, h - 3, w - 3)


def doubled(x):
    wide = np.zeros((*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3]))
    wide[:, :, ::2, ::2] = x
    return filtered(wide, 2, 1)


def unit(x):
    return x / np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-8)


def forward(arrays, z, label=None, psi=1.0, clamp=None):
    """Image of NVlabs' arrays; ``label`` is one class for each code."""
    a = {name: array.astype(np.float64) for name, array in arrays.items()}

    def dense(x, name, rate=1.0):
        weight = a[f"{name}.weight"]
        return rate * (x @ weight.T / np.sqrt(weight.shape[1]) + a[f"{name}.bias"])

    def limited(x, gain=1.0):
        return x if clamp is None else np.clip(x, -clamp * gain, clamp * gain)

    w = unit(z.astype(np.float64))
    if label is not None:
        onehot = np.eye(a["mapping.embed.weight"].shape[1])[label]
        w = np.concatenate([w, unit(dense(onehot, "mapping.embed"))], 1)
    i = 0
    while f"mapping.fc{i}.weight" in a:
        w, i = np.sqrt(2) * leaky(dense(w, f"mapping.fc{i}", 0.01)), i + 1
    w = a["mapping.w_avg"] + psi * (w - a["mapping.w_avg"])

    def styled(x, name, gain=1.0):
        style, images = dense(w, f"{name}.affine"), []
        for one, s in zip(x, style, strict=True):
            kernel = a[f"{name}.weight"] * s[None, :, None, None]
            kernel = kernel / np.sqrt((kernel**2).sum((1, 2, 3), keepdims=True) + 1e-8)
            if name.endswith("conv0"):
                y = conv_transpose(one[None], kernel.transpose(1, 0, 2, 3), 2, 0)
                y = filtered(y, 1, 1)
            else:
                y = conv(one[None], kernel, 1)
            images.append(y[0])
        y = np.stack(images) + a[f"{name}.noise_const"] * a[f"{name}.noise_strength"]
        y = leaky(y + channels(a[f"{name}.bias"]))
        return limited(np.sqrt(2) * gain * y, gain)

    def image(x, name):
        weight = a[f"{name}.weight"]
        style = dense(w, f"{name}.affine") / np.sqrt(weight.shape[1])
        y = np.einsum("bchw,bc,oc->bohw", x, style, weight[:, :, 0, 0])
        return limited(y + channels(a[f"{name}.bias"]))

    x = np.repeat(a["synthesis.b4.const"][None], len(z), 0)
    picture, side = None, 4
    while f"synthesis.b{side}.conv1.weight" in a:
        block = f"synthesis.b{side}"
        if side == 4:
            x = styled(x, f"{block}.conv1")
        elif f"{block}.skip.weight" in a:
            weight = a[f"{block}.skip.weight"][:, :, 0, 0] / np.sqrt(x.shape[1])
            shortcut = np.sqrt(0.5) * doubled(np.einsum("bchw,oc->bohw", x, weight))
            x = styled(x, f"{block}.conv0")
            x = shortcut + styled(x, f"{block}.conv1", np.sqrt(0.5))
        else:
            x = styled(styled(x, f"{block}.conv0"), f"{block}.conv1")
        if f"{block}.torgb.weight" in a:
            picture = image(x, f"{block}.torgb") + (0 if picture is None else doubled(picture))
        side *= 2
    return picture
