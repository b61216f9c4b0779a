"""VGG16 (Simonyan, Zisserman: arXiv:1409.1556) up to its last convolution, for judging pictures.

Five blocks of two, two, three, three and three 3x3 convolutions with a ReLU each, halved in between
by 2x2 max-pooling that drops an odd row or column. The paper's V is its output after the third
block, ``relu3_3``. Images enter in [-1, 1] and are brought inside to what the weights expect, which
is not the same for torchvision's, trained anew, and the authors' own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.nn.config import config_from
from pmsfc_jax.nn.imagenet import standardise
from pmsfc_jax.nn.layers import conv2d

FAMILY = "vgg16"
#: Means over ImageNet of blue, green and red in 0..255, as the authors subtracted them.
MEAN_BGR = (103.939, 116.779, 123.68)
#: Convolutions of each block, and the name of each block's output.
CONVOLUTIONS = (2, 2, 3, 3, 3)
TAPS = tuple(f"relu{block + 1}_{count}" for block, count in enumerate(CONVOLUTIONS))


@dataclass(frozen=True)
class VGG16Config:
    """Architecture of one VGG16; plain values only, so that it is its own JSON.

    Attributes:
      widths: channels of each block; fewer than five for a network that ends early.
      taps: block outputs that are the features, of `TAPS`.
      input: ``"imagenet"`` standardises images (`imagenet.standardise`), for torchvision's weights;
        ``"caffe"`` makes them BGR in 0..255 minus `MEAN_BGR`, for the authors'; ``"raw"`` takes
        them in [-1, 1] as they are, which some inversion codebases feed to torchvision's.

    """

    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    taps: tuple[str, ...] = ("relu3_3",)
    input: Literal["imagenet", "caffe", "raw"] = "imagenet"

    def __post_init__(self) -> None:
        """Check values and turn JSON's lists into tuples.

        Raises:
          InputError: a value is impossible.

        """
        object.__setattr__(self, "widths", tuple(int(width) for width in self.widths))
        object.__setattr__(self, "taps", tuple(self.taps))
        if not 1 <= len(self.widths) <= len(TAPS) or min(self.widths) < 1:
            raise InputError(f"VGG16 has one to five blocks of positive widths, not {self.widths}")
        there = TAPS[: len(self.widths)]
        if not self.taps or any(tap not in there for tap in self.taps):
            raise InputError(f"this VGG16 has the taps {', '.join(there)}, not {self.taps}")
        if self.input not in ("imagenet", "caffe", "raw"):
            raise InputError(f"VGG16 input is {self.input!r}, not one of imagenet, caffe, raw")


def config_from_dict(architecture: Mapping[str, Any]) -> VGG16Config:
    """Read `VGG16Config` back from a manifest.

    Raises:
      InputError: a field is unknown or impossible.

    """
    return config_from(VGG16Config, architecture, "VGG16 architecture")


def layer_names(blocks: int) -> list[str]:
    """Names of the convolutions of the first ``blocks`` blocks: ``conv1_1``, ``conv1_2``, ..."""
    return [
        f"conv{block + 1}_{i + 1}" for block in range(blocks) for i in range(CONVOLUTIONS[block])
    ]


def abstract_params(config: VGG16Config) -> Params:
    """The params as a nested dict of `jax.ShapeDtypeStruct`."""
    params: Params = {}
    incoming = 3
    for name in layer_names(len(config.widths)):
        width = config.widths[int(name[4]) - 1]
        params[name] = {
            "kernel": jax.ShapeDtypeStruct((3, 3, incoming, width), jnp.float32),
            "bias": jax.ShapeDtypeStruct((width,), jnp.float32),
        }
        incoming = width
    return params


def block_outputs(params: Params, x: Array, blocks: int) -> list[Array]:
    """Output of each of the first ``blocks`` blocks, for a standardised ``x [b, H, W, 3]``.

    Raises:
      InputError: the images are smaller than the pooling in between allows.

    """
    if min(x.shape[1:3]) < 2 ** (blocks - 1):
        raise InputError(
            f"images of {x.shape[2]}x{x.shape[1]} pixels are too small for {TAPS[blocks - 1]} of "
            f"VGG16: give {2 ** (blocks - 1)} or more a side"
        )
    outputs: list[Array] = []
    for block in range(blocks):
        x = _halved(x) if block else x
        for i in range(CONVOLUTIONS[block]):
            layer = params[f"conv{block + 1}_{i + 1}"]
            x = jax.nn.relu(conv2d(x, layer["kernel"]) + layer["bias"].reshape(1, 1, 1, -1))
        outputs.append(x)
    return outputs


def features(config: VGG16Config) -> Callable[[Params, Array], list[Array]]:
    """The network as ``(params, x [b, H, W, 3] in [-1, 1]) -> features``, one for each tap."""
    wanted = [TAPS.index(tap) for tap in config.taps]

    def extract(params: Params, x: Array) -> list[Array]:
        if config.input == "imagenet":
            x = standardise(x)
        elif config.input == "caffe":
            mean = jnp.asarray(MEAN_BGR, x.dtype).reshape(1, 1, 1, 3)
            x = (x[..., ::-1] + 1) * 127.5 - mean
        outputs = block_outputs(params, x, max(wanted) + 1)
        return [outputs[block] for block in wanted]

    return extract


def _halved(x: Array) -> Array:
    """2x2 max-pooling with stride 2, without the last row or column where they are odd."""
    b, h, w, c = x.shape
    x = x[:, : h // 2 * 2, : w // 2 * 2]
    return x.reshape(b, h // 2, 2, w // 2, 2, c).max((2, 4))
