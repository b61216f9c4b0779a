"""SqueezeNet v1.0 (Iandola et al. 2016, arXiv:1602.07360) as a pure function, for judging pictures.

Reconstructions are compared with a network that nothing was optimised against. This is the Caffe
original: 227x227 BGR pixels in 0..255 minus the mean of each channel, a 7x7 convolution with
stride 2 and no padding, and 3x3 max-pooling with stride 2 after conv1, fire4 and fire8 whose output
size is rounded up. A *fire* module is a 1x1 "squeeze" to few channels, a ReLU, then a 1x1 and a 3x3
"expand" side by side, each with a ReLU, joined along the channels.

The sizes that follow: conv1 111, pooled 55, fire4 55, pooled 27, fire8 27, pooled 13, fire9 13. The
classifier that would come next is not used.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import image, lax

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Params

#: Side of the square input in pixels.
INPUT_SIZE = 227
#: What Caffe's ImageNet models subtract from blue, green and red.
MEAN_BGR = (104.0, 117.0, 123.0)

# Name of each fire module: channels that go in, squeezed channels, channels of each expand.
_FIRES = {
    "fire2": (96, 16, 64),
    "fire3": (128, 16, 64),
    "fire4": (128, 32, 128),
    "fire5": (256, 32, 128),
    "fire6": (256, 48, 192),
    "fire7": (384, 48, 192),
    "fire8": (384, 64, 256),
    "fire9": (512, 64, 256),
}
# What the three convolutions of a fire module are called here and in the weight file.
_FIRE_PARTS = {"squeeze": "conv1x1_1", "expand1x1": "conv1x1_2", "expand3x3": "conv3x3_2"}
_CLASSIFIER = {"conv_final.weight": (1000, 512, 1, 1), "conv_final.bias": (1000,)}


class SqueezeNetFeatures(NamedTuple):
    """What the network sees in a batch of images; all float32, none negative.

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
            part: convolution(f"{fire}.{stored}") for part, stored in _FIRE_PARTS.items()
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
    x = preprocess(images)
    x = _pool(_convolve(params["conv1"], x, stride=2, padding="VALID"))
    for name in ("fire2", "fire3", "fire4"):
        x = _fire(params[name], x)
    fire4, x = x, _pool(x)
    for name in ("fire5", "fire6", "fire7", "fire8"):
        x = _fire(params[name], x)
    fire8, x = x, _pool(x)
    fire9 = _fire(params["fire9"], x)
    return SqueezeNetFeatures(fire4, fire8, fire9, fire9.mean((1, 2)))


def _fire(params: Params, x: Array) -> Array:
    squeezed = _convolve(params["squeeze"], x)
    expanded = [_convolve(params[part], squeezed) for part in ("expand1x1", "expand3x3")]
    return jnp.concatenate(expanded, axis=-1)


def _convolve(params: Params, x: Array, *, stride: int = 1, padding: str = "SAME") -> Array:
    """Convolution, bias and ReLU."""
    x = lax.conv_general_dilated(
        x,
        params["kernel"],
        (stride, stride),
        padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=lax.Precision.HIGHEST,
    )
    return jnp.maximum(x + params["bias"].reshape(1, 1, 1, -1), jnp.float32(0))


def _pool(x: Array) -> Array:
    """3x3 max-pooling with stride 2; the last window may hang over the edge (ceil mode)."""
    overhang = [(0, (size - 3) % 2) for size in x.shape[1:3]]
    return lax.reduce_window(
        x,
        jnp.float32(-jnp.inf),
        lax.max,
        (1, 3, 3, 1),
        (1, 2, 2, 1),
        [(0, 0), *overhang, (0, 0)],
    )


def _expected_shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of every array of the file that is used."""
    kernels = {"conv1": (96, 3, 7, 7)}
    for fire, (incoming, squeezed, expanded) in _FIRES.items():
        kernels[f"{fire}.{_FIRE_PARTS['squeeze']}"] = (squeezed, incoming, 1, 1)
        kernels[f"{fire}.{_FIRE_PARTS['expand1x1']}"] = (expanded, squeezed, 1, 1)
        kernels[f"{fire}.{_FIRE_PARTS['expand3x3']}"] = (expanded, squeezed, 3, 3)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in kernels.items():
        shapes[f"{name}.weight"] = shape
        shapes[f"{name}.bias"] = shape[:1]
    return shapes
