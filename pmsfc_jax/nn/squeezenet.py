"""SqueezeNet v1.0 and v1.1 (Iandola et al. 2016, arXiv:1602.07360) for judging pictures.

A *fire* module is a 1x1 "squeeze" to few channels, a ReLU, then a 1x1 and a 3x3 "expand" side by
side, each with a ReLU, joined along the channels. An unpadded first convolution of stride 2 is
followed by eight of them, with 3x3 max-pooling of stride 2, its output size rounded up, at three
places. Version 1.1 has a smaller first convolution and pools earlier. The classifier that would
come next is not used.

The same network serves two purposes. `squeezenet_features` is the Caffe original of version 1.0 at
its own input size, with which reconstructions are compared: 227x227 BGR pixels in 0..255 minus the
mean of each channel; conv1 is then 111 wide, fire4 55, fire8 27, fire9 13. `features` is a network
V of an inversion: either version, on images in [-1, 1] of their own size.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import image, lax

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.nn.config import config_from
from pmsfc_jax.nn.imagenet import standardise
from pmsfc_jax.nn.layers import conv2d
from pmsfc_jax.nn.transposed import strided_conv2d

FAMILY = "squeezenet"
#: Side of the square input of the Caffe original in pixels.
INPUT_SIZE = 227
#: What Caffe's ImageNet models subtract from blue, green and red.
MEAN_BGR = (104.0, 117.0, 123.0)

Version = Literal["1.0", "1.1"]

# Name of each fire module: squeezed channels, channels of each expand.
_FIRES = {
    "fire2": (16, 64),
    "fire3": (16, 64),
    "fire4": (32, 128),
    "fire5": (32, 128),
    "fire6": (48, 192),
    "fire7": (48, 192),
    "fire8": (64, 256),
    "fire9": (64, 256),
}
# Channels and kernel side of the first convolution, and after which layers there is pooling.
_FIRST = {"1.0": (96, 7), "1.1": (64, 3)}
_POOLED = {"1.0": ("conv1", "fire4", "fire8"), "1.1": ("conv1", "fire3", "fire5")}
#: What the three convolutions of a fire module are called here and in Caffe's weight file.
CAFFE_PARTS = {"squeeze": "conv1x1_1", "expand1x1": "conv1x1_2", "expand3x3": "conv3x3_2"}
_CLASSIFIER = {"conv_final.weight": (1000, 512, 1, 1), "conv_final.bias": (1000,)}


@dataclass(frozen=True)
class SqueezeNetConfig:
    """One SqueezeNet as a network V; plain values only, so that it is its own JSON.

    Attributes:
      version: ``"1.0"`` or ``"1.1"``.
      input: ``"imagenet"`` for weights of torchvision (`standardise`), ``"caffe"`` for those of the
        original: BGR in 0..255 minus `MEAN_BGR`.
      taps: layers whose outputs are the features: ``conv1``, ``fire2`` to ``fire9``.

    """

    version: Version = "1.0"
    input: Literal["imagenet", "caffe"] = "imagenet"
    taps: tuple[str, ...] = ("fire4", "fire8")

    def __post_init__(self) -> None:
        """Check values and turn JSON's lists into tuples.

        Raises:
          InputError: a value is impossible.

        """
        object.__setattr__(self, "taps", tuple(self.taps))
        if self.version not in get_args(Version) or self.input not in ("imagenet", "caffe"):
            raise InputError(
                f"there is no SqueezeNet of version {self.version!r} for {self.input!r} input"
            )
        known = ("conv1", *_FIRES)
        if not self.taps or any(tap not in known for tap in self.taps):
            raise InputError(f"SqueezeNet has the layers {', '.join(known)}, not taps {self.taps}")


def config_from_dict(architecture: Mapping[str, Any]) -> SqueezeNetConfig:
    """Read `SqueezeNetConfig` back from a manifest.

    Raises:
      InputError: a field is unknown or impossible.

    """
    return config_from(SqueezeNetConfig, architecture, "SqueezeNet architecture")


def kernel_shapes(version: Version = "1.0") -> dict[str, tuple[int, ...]]:
    """Shape ``[k, k, I, O]`` of each convolution's kernel by its path: ``fire2/squeeze``, ..."""
    width, side = _FIRST[version]
    shapes: dict[str, tuple[int, ...]] = {"conv1": (side, side, 3, width)}
    for fire, (squeezed, expanded) in _FIRES.items():
        shapes[f"{fire}/squeeze"] = (1, 1, width, squeezed)
        shapes[f"{fire}/expand1x1"] = (1, 1, squeezed, expanded)
        shapes[f"{fire}/expand3x3"] = (3, 3, squeezed, expanded)
        width = 2 * expanded
    return shapes


def abstract_params(config: SqueezeNetConfig) -> Params:
    """The params as a nested dict of `jax.ShapeDtypeStruct`."""
    params: Params = {}
    for path, shape in kernel_shapes(config.version).items():
        node = params
        for name in path.split("/"):
            node = node.setdefault(name, {})
        node["kernel"] = jax.ShapeDtypeStruct(shape, jnp.float32)
        node["bias"] = jax.ShapeDtypeStruct(shape[-1:], jnp.float32)
    return params


def features(config: SqueezeNetConfig) -> Callable[[Params, Array], list[Array]]:
    """The network as ``(params, x [b, H, W, 3] in [-1, 1]) -> features``, one for each tap.

    Images are taken at their own size, 21 pixels at least where all pooling is passed.
    """
    mean = jnp.asarray(MEAN_BGR, jnp.float32).reshape(1, 1, 1, 3)

    def extract(params: Params, x: Array) -> list[Array]:
        if config.input == "imagenet":
            x = standardise(x)
        else:
            x = (x[..., ::-1] + 1) * 127.5 - mean.astype(x.dtype)
        outputs = _run(params, x, config.version, until=max(config.taps))
        return [outputs[tap] for tap in config.taps]

    return extract


class SqueezeNetFeatures(NamedTuple):
    """What the Caffe original sees in a batch of images; all float32, none negative.

    Attributes:
      fire4: ``[b, 55, 55, 256]``.
      fire8: ``[b, 27, 27, 512]``.
      fire9: ``[b, 13, 13, 512]``.
      pooled: ``[b, 512]``, the mean of fire9 over positions: one descriptor for each image.

    """

    fire4: Array
    fire8: Array
    fire9: Array
    pooled: Array


def squeezenet_params(arrays: Mapping[str, np.ndarray]) -> Params:
    """Turn the named arrays of a weight file into parameters.

    Args:
      arrays: ``conv1.weight``, ``fire2.conv1x1_1.weight`` and so on, kernels OIHW and biases
        ``[O]``; the classifier ``conv_final`` may be there and is left out.

    Returns:
      ``{"conv1": {"kernel", "bias"}, "fire2": {"squeeze": {...}, "expand1x1": {...},
      "expand3x3": {...}}, ...}`` with float32 kernels HWIO.

    Raises:
      InputError: arrays are missing, unknown, misshapen or not finite; all are listed at once.

    """
    expected = _expected_shapes()
    faults = [f"{name} is missing" for name in expected if name not in arrays]
    for name, array in arrays.items():
        shape = expected.get(name, _CLASSIFIER.get(name))
        if shape is None:
            faults.append(f"{name} is unknown")
        elif array.shape != shape:
            faults.append(f"{name} has shape {array.shape}, not {shape}")
        elif not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
            faults.append(f"{name} does not hold finite floats")
    if faults:
        raise InputError(f"these are not the weights of SqueezeNet v1.0: {'; '.join(faults)}")

    def convolution(name: str) -> Params:
        kernel = np.asarray(arrays[f"{name}.weight"], np.float32).transpose(2, 3, 1, 0)
        return {
            "kernel": jnp.asarray(kernel),
            "bias": jnp.asarray(arrays[f"{name}.bias"], jnp.float32),
        }

    params: Params = {"conv1": convolution("conv1")}
    for fire in _FIRES:
        params[fire] = {
            part: convolution(f"{fire}.{stored}") for part, stored in CAFFE_PARTS.items()
        }
    return params


def preprocess(images: Array) -> Array:
    """RGB ``[b, H, W, 3]`` uint8 to the network's input ``[b, 227, 227, 3]`` float32.

    Resized bilinearly to the square (half-pixel centres; with a wider triangle when shrinking, so
    that nothing aliases), channels reversed to BGR, the mean subtracted. A picture that is not
    square is squeezed into one.
    """
    shape = (images.shape[0], INPUT_SIZE, INPUT_SIZE, 3)
    resized = image.resize(
        images.astype(jnp.float32), shape, "bilinear", precision=lax.Precision.HIGHEST
    )
    return resized[..., ::-1] - jnp.asarray(MEAN_BGR, jnp.float32).reshape(1, 1, 1, 3)


def squeezenet_features(params: Params, images: Array) -> SqueezeNetFeatures:
    """Run the network up to fire9.

    Args:
      params: what `squeezenet_params` gives.
      images: ``[b, H, W, 3]`` uint8, RGB.

    """
    with jax.default_matmul_precision("highest"):
        outputs = _run(params, preprocess(images), "1.0")
    fire4, fire8, fire9 = (outputs[name] for name in ("fire4", "fire8", "fire9"))
    return SqueezeNetFeatures(fire4, fire8, fire9, fire9.mean((1, 2)))


def _run(params: Params, x: Array, version: Version, until: str = "fire9") -> dict[str, Array]:
    """Output of each layer for a prepared input, up to the layer ``until``."""
    outputs: dict[str, Array] = {}
    for name in ("conv1", *_FIRES):
        if name == "conv1":
            x = _rectified(params[name], strided_conv2d(x, params[name]["kernel"], stride=2))
        else:
            x = _fire(params[name], x)
        outputs[name] = x
        if name == until:
            break
        if name in _POOLED[version]:
            x = _pool(x)
    return outputs


def _fire(params: Params, x: Array) -> Array:
    squeezed = _convolve(params["squeeze"], x)
    expanded = [_convolve(params[part], squeezed) for part in ("expand1x1", "expand3x3")]
    return jnp.concatenate(expanded, axis=-1)


def _convolve(params: Params, x: Array) -> Array:
    """Convolution, bias and ReLU."""
    return _rectified(params, conv2d(x, params["kernel"]))


def _rectified(params: Params, x: Array) -> Array:
    return jax.nn.relu(x + params["bias"].reshape(1, 1, 1, -1))


def _pool(x: Array) -> Array:
    """3x3 max-pooling with stride 2; the last window may hang over the edge (ceil mode)."""
    if min(x.shape[1:3]) < 2:
        raise InputError("the images are too small for SqueezeNet: give 21 pixels or more a side")
    overhang = [(0, (size - 3) % 2) for size in x.shape[1:3]]
    return lax.reduce_window(
        x,
        # Of numpy: where jax traces it, it does not see a maximum, which alone has a gradient.
        np.asarray(-np.inf, x.dtype),
        lax.max,
        (1, 3, 3, 1),
        (1, 2, 2, 1),
        [(0, 0), *overhang, (0, 0)],
    )


def _expected_shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of every array of Caffe's file that is used."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path, (side, _, incoming, outgoing) in kernel_shapes().items():
        name, _, part = path.partition("/")
        name = f"{name}.{CAFFE_PARTS[part]}" if part else name
        shapes[f"{name}.weight"] = (outgoing, incoming, side, side)
        shapes[f"{name}.bias"] = (outgoing,)
    return shapes
