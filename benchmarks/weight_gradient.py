"""The kernel gradient of a 3x3 convolution on CPU: ways to compute it, at the trainer's shapes.

    python benchmarks/weight_gradient.py --out benchmarks/results/weight_gradient.json

For `conv2d` and `upsample_conv2d` of `pmsfc_jax.nn.layers`: milliseconds of the forward pass, of
the input gradient, and of the kernel gradient as the layer has it beside the others of `WAYS`.
Every way is first compared with the gradient that jax derives. Ways take turns, so that what else
the machine does meets all alike. Printed is the median, and in brackets that of processor time,
which a busy machine changes less.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from pmsfc_jax.nn.layers import _upsample_correlate, conv2d, upsample_conv2d, upsample_nearest

Array = jax.Array
Way = Callable[[Array, Array], Array]

# (operation, batch, side of what it reads, channels in, channels out).
SHAPES = [
    ("conv", 32, 32, 64, 64),
    ("conv", 16, 32, 64, 64),
    ("conv", 32, 32, 64, 128),
    ("conv", 32, 16, 128, 128),
    ("conv", 16, 16, 128, 128),
    ("conv", 32, 8, 128, 128),
    ("conv", 16, 8, 128, 128),
    ("conv", 32, 4, 128, 128),
    ("conv", 16, 32, 128, 64),
    ("conv", 8, 64, 64, 64),
    ("upsample", 32, 16, 128, 64),
    ("upsample", 32, 8, 128, 128),
    ("upsample", 32, 4, 128, 128),
]
NHWC = ("NHWC", "HWIO", "NHWC")
# Ways that are hopeless get no more repeats after this time.
LONGEST_MS = 10_000


def padded(x: Array) -> Array:
    return jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))


def derived(x: Array, g: Array) -> Array:
    """What jax derives from the convolution."""
    shape = (3, 3, x.shape[-1], g.shape[-1])

    def forward(kernel: Array) -> Array:
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=NHWC)

    return jax.vjp(forward, jnp.zeros(shape, x.dtype))[1](g)[0]


def shifted_products(x: Array, g: Array) -> Array:
    """Nine matrix products of shifted inputs and the output's gradient."""
    _, h, w, channels = x.shape
    wide = padded(x)
    flat = g.reshape(-1, g.shape[-1])
    taps = [
        wide[:, i : i + h, j : j + w].reshape(-1, channels).T @ flat
        for i in range(3)
        for j in range(3)
    ]
    return jnp.stack(taps).reshape(3, 3, channels, -1)


def patches_of_input(x: Array, g: Array) -> Array:
    """One product of the input's 3x3 patches (im2col) and the output's gradient."""
    _, h, w, channels = x.shape
    wide = padded(x)
    taps = [wide[:, i : i + h, j : j + w] for i in range(3) for j in range(3)]
    columns = jnp.concatenate(taps, -1).reshape(-1, 9 * channels)
    product = columns.T @ g.reshape(-1, g.shape[-1])
    return product.reshape(3, 3, channels, -1)


def patches_of_gradient(x: Array, g: Array) -> Array:
    """One product of the input and patches of the output's gradient: fewer where O is below I."""
    _, h, w, channels = x.shape
    wide = padded(g)
    taps = [wide[:, 2 - i : 2 - i + h, 2 - j : 2 - j + w] for i in range(3) for j in range(3)]
    columns = jnp.concatenate(taps, -1).reshape(-1, 9 * g.shape[-1])
    product = x.reshape(-1, channels).T @ columns
    return product.reshape(channels, 3, 3, -1).transpose(1, 2, 0, 3)


def patches_of_rows(x: Array, g: Array) -> Array:
    """Three products, each of three columns' shifts put side by side: a third of the memory."""
    _, h, w, channels = x.shape
    wide = padded(x)
    rows = jnp.concatenate([wide[:, :, j : j + w] for j in range(3)], -1)
    flat = g.reshape(-1, g.shape[-1])
    taps = [rows[:, i : i + h].reshape(-1, 3 * channels).T @ flat for i in range(3)]
    return jnp.stack(taps).reshape(3, 3, channels, -1)


def swapped_axes(x: Array, g: Array) -> Array:
    """A convolution over the batch: channels of the input as its images, the gradient as kernel."""
    return lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0), g.transpose(1, 2, 0, 3), (1, 1), ((1, 1), (1, 1)),
        dimension_numbers=NHWC,
    ).transpose(1, 2, 0, 3)  # fmt: skip


WAYS: dict[str, Way] = {
    "derived": derived,
    "shifted_products": shifted_products,
    "patches_of_input": patches_of_input,
    "patches_of_gradient": patches_of_gradient,
    "patches_of_rows": patches_of_rows,
    "swapped_axes": swapped_axes,
}


# After doubling, tap t of an output of parity p is the sum of these rows (columns) of the kernel.
MEMBERS = {(0, 0): [0], (0, 1): [1, 2], (1, 0): [0, 1], (1, 1): [2]}


def upsample_derived(x: Array, g: Array) -> Array:
    """The 3x3 kernel gradient on the doubled map."""
    return derived(upsample_nearest(x), g)


def upsample_merged(x: Array, g: Array) -> Array:
    """What jax derives from the layer's forward pass: 2x2 taps on the small map."""
    kernel = jnp.zeros((3, 3, x.shape[-1], g.shape[-1]), x.dtype)
    return jax.vjp(lambda k: _upsample_correlate(x, k), kernel)[1](g)[0]


def upsample_parities(x: Array, g: Array) -> Array:
    """Four products, one a parity of the output, with 2x2 patches of the small map."""
    _, h, w, channels = x.shape
    b, out = x.shape[0], g.shape[-1]
    wide, parts = padded(x), g.reshape(b, h, 2, w, 2, out)
    kernel = jnp.zeros((3, 3, channels, out), x.dtype)
    for py, px in itertools.product((0, 1), repeat=2):
        taps = [
            wide[:, py + ty : py + ty + h, px + tx : px + tx + w]
            for ty, tx in itertools.product((0, 1), repeat=2)
        ]
        columns = jnp.concatenate(taps, -1).reshape(-1, 4 * channels)
        product = (columns.T @ parts[:, :, py, :, px].reshape(-1, out)).reshape(2, 2, channels, out)
        for ty, tx in itertools.product((0, 1), repeat=2):
            for row, column in itertools.product(MEMBERS[py, ty], MEMBERS[px, tx]):
                kernel = kernel.at[row, column].add(product[ty, tx])
    return kernel


def upsample_parity_convolutions(x: Array, g: Array) -> Array:
    """The same four, each a convolution over the batch, as in `swapped_axes`."""
    b, h, w, channels = x.shape
    out = g.shape[-1]
    wide = padded(x).transpose(3, 1, 2, 0)
    parts = g.reshape(b, h, 2, w, 2, out).transpose(2, 4, 1, 3, 0, 5)
    kernel = jnp.zeros((3, 3, channels, out), x.dtype)
    for py, px in itertools.product((0, 1), repeat=2):
        product = lax.conv_general_dilated(
            wide[:, py : py + h + 1, px : px + w + 1],
            parts[py, px],
            (1, 1),
            "VALID",
            dimension_numbers=NHWC,
        ).transpose(1, 2, 0, 3)
        for ty, tx in itertools.product((0, 1), repeat=2):
            for row, column in itertools.product(MEMBERS[py, ty], MEMBERS[px, tx]):
                kernel = kernel.at[row, column].add(product[ty, tx])
    return kernel


UPSAMPLE_WAYS: dict[str, Way] = {
    "derived": upsample_derived,
    "patches_on_doubled": lambda x, g: patches_of_input(upsample_nearest(x), g),
    "merged": upsample_merged,
    "parities": upsample_parities,
    "parity_convolutions": upsample_parity_convolutions,
}


def timed(functions: dict[str, Callable[[], Array]], repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each function, taking turns: elapsed, and of processor time on all cores."""
    for function in functions.values():
        jax.block_until_ready(function())
    elapsed: dict[str, list[float]] = {name: [] for name in functions}
    processor: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            if sum(elapsed[name]) > LONGEST_MS:
                continue
            start, busy = time.perf_counter(), time.process_time()
            jax.block_until_ready(function())
            elapsed[name].append(1e3 * (time.perf_counter() - start))
            processor[name].append(1e3 * (time.process_time() - busy))
    return {
        name: {
            "median_ms": round(statistics.median(elapsed[name]), 3),
            "least_ms": round(min(elapsed[name]), 3),
            "median_processor_ms": round(statistics.median(processor[name]), 3),
        }
        for name in functions
    }


def measure(shape: tuple[str, int, int, int, int], repeats: int) -> dict:
    """Times of one shape, and how far each way is from jax's own gradient."""
    operation, batch, side, width_in, width_out = shape
    layer, ways = {"conv": (conv2d, WAYS), "upsample": (upsample_conv2d, UPSAMPLE_WAYS)}[operation]
    keys = jax.random.split(jax.random.key(0), 3)
    out_side = 2 * side if operation == "upsample" else side
    x = jax.random.normal(keys[0], (batch, side, side, width_in))
    kernel = jax.random.normal(keys[1], (3, 3, width_in, width_out)) / (9 * width_in) ** 0.5
    g = jax.random.normal(keys[2], (batch, out_side, out_side, width_out))

    forward = jax.jit(layer)
    input_gradient = jax.jit(lambda x, k, g: jax.vjp(lambda v: layer(v, k), x)[1](g)[0])
    layer_gradient = jax.jit(lambda x, k, g: jax.vjp(lambda v: layer(x, v), k)[1](g)[0])
    compiled = {name: jax.jit(way) for name, way in ways.items()}
    expected = np.asarray(compiled["derived"](x, g), np.float64)
    errors = {
        name: float(np.abs(np.asarray(way(x, g)) - expected).max() / np.abs(expected).max())
        for name, way in compiled.items()
    }
    functions: dict[str, Callable[[], Array]] = {
        "forward": lambda: forward(x, kernel),
        "input_gradient": lambda: input_gradient(x, kernel, g),
        "kernel_gradient/layer": lambda: layer_gradient(x, kernel, g),
    }
    for name, way in compiled.items():
        functions[f"kernel_gradient/{name}"] = lambda way=way: way(x, g)
    return {
        "operation": operation,
        "batch": batch,
        "side": side,
        "channels_in": width_in,
        "channels_out": width_out,
        "times": timed(functions, repeats),
        "relative_difference": errors,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("weight_gradient.json"))
    parser.add_argument("--only", choices=("conv", "upsample"), help="leave the other out")
    options = parser.parse_args()
    report = {
        "jax": jax.__version__,
        "device": jax.devices()[0].device_kind,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "repeats": options.repeats,
    }
    rows = []
    for shape in SHAPES:
        if options.only in (None, shape[0]):
            row = measure(shape, options.repeats)
            rows.append(row)
            name = f"{shape[0]} batch {shape[1]}, {shape[2]}x{shape[2]}, {shape[3]} -> {shape[4]}"
            figures = "  ".join(
                f"{key.removeprefix('kernel_gradient/')} {value['median_ms']:.1f}"
                f" ({value['median_processor_ms']:.1f})"
                for key, value in row["times"].items()
            )
            worst = max(row["relative_difference"].values())
            print(f"{name}: {figures}  [differ by {worst:.0e}]", flush=True)
            # After every row, so that a run that is stopped leaves what it measured.
            options.out.write_text(json.dumps({**report, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
