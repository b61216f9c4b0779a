"""LPIPS with VGG16: the learned perceptual distance of Zhang et al. (CVPR 2018), version 0.1.

    d(a, b) = sum over layers of  mean over positions of  sum_c head_c (u_a,c - u_b,c)^2

over ``relu1_2`` to ``relu5_3`` of VGG16, where ``u = f / (||f|| + 1e-10)`` is the feature vector of
a position scaled to length 1 over its channels, and ``head`` are learned weights. Images are taken
at their own size, in [-1, 1], standardised as `pmsfc_jax.nn.imagenet` says.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.metrics.image_metrics import check_pair
from pmsfc_jax.nn.imagenet import standardise
from pmsfc_jax.nn.vgg16 import TAPS, block_outputs

# Added to the length of a feature vector, outside of its root.
_EPSILON = 1e-10
#: Most images that go through VGG16 at a time: at 256x256 its features take some 60 MB an image.
CHUNK = 8


def lpips_params(vgg: Params, heads: Params, *, num_layers: int = len(TAPS)) -> Params:
    """Join the params of VGG16 and of LPIPS' heads.

    Args:
      vgg: of `pmsfc_jax.nn.vgg16`.
      heads: ``lin{k}/weight [C]``.
      num_layers: layers to compare. LPIPS is defined with all five; fewer is something else.

    Returns:
      What `lpips_distance` takes.

    Raises:
      InputError: VGG16 ends before that layer, or the heads are not for it or negative.

    """
    if f"conv{num_layers}_1" not in vgg:
        raise InputError(
            f"this VGG16 ends before {TAPS[num_layers - 1]}, which LPIPS compares; "
            "convert torchvision's whole file"
        )
    taken: Params = {}
    for k in range(num_layers):
        width = vgg[f"conv{k + 1}_1"]["bias"].shape[0]
        head = heads.get(f"lin{k}", {}).get("weight")
        if head is None or head.shape != (width,):
            found = "none" if head is None else f"one of {head.shape[0]}"
            raise InputError(
                f"these LPIPS heads are not for VGG16: {TAPS[k]} has {width} channels and wants "
                f"as many weights, and there is {found}"
            )
        if not bool((jnp.asarray(head) >= 0).all()):
            raise InputError(f"the LPIPS head for {TAPS[k]} has weights below 0: no distance")
        taken[f"lin{k}"] = {"weight": head}
    if num_layers == len(TAPS) and f"lin{num_layers}" in heads:
        raise InputError("these LPIPS heads are for a network of more layers than VGG16")
    return {"vgg": vgg, "heads": taken}


def lpips_distance(params: Params, a: Array | np.ndarray, b: Array | np.ndarray) -> Array:
    """Distance of each pair of images; the equation is at the top of the module.

    Args:
      params: what `lpips_params` gives.
      a: ``[b, H, W, 3]`` uint8 RGB, 16 pixels or more a side.
      b: the same.

    Returns:
      ``[b]`` float32; 0 for equal images.

    Raises:
      InputError: the two are not batches of uint8 images of one shape.

    """
    check_pair(a, b)
    answers = []
    for start in range(0, a.shape[0], CHUNK):
        count = min(CHUNK, a.shape[0] - start)
        # Filled up by repetition, so that any number of images compiles at most two programs.
        rows = np.minimum(np.arange(start, start + min(CHUNK, a.shape[0])), a.shape[0] - 1)
        layers = _compiled(params, *(_in_range(jnp.asarray(x[rows])) for x in (a, b)))
        answers.append(layers.sum(axis=1)[:count])
    return jnp.concatenate(answers)


def layer_distances(params: Params, a: Array, b: Array) -> Array:
    """Distance of each pair in each layer, ``[b, H, W, 3]`` in [-1, 1] twice to ``[b, layers]``."""
    with jax.default_matmul_precision("highest"):
        maps = feature_maps(params, jnp.concatenate([a, b]))
    distances = []
    for feature in maps:
        of_a, of_b = jnp.split(feature, 2)
        distances.append(jnp.square(of_a - of_b).mean((1, 2, 3)) / len(maps))
    return jnp.stack(distances, axis=1)


def feature_maps(params: Params, x: Array) -> list[Array]:
    """LPIPS as a network V: its distance is that of these maps, squared.

    Map k is ``sqrt(num_layers * C * head) * u``, so that the mean over maps of the mean squared
    difference of two images' elements is their LPIPS.

    Args:
      params: what `lpips_params` gives.
      x: ``[b, H, W, 3]`` in [-1, 1], 16 pixels or more a side.

    Returns:
      ``[b, H_k, W_k, C_k]`` for each layer.

    """
    features = block_outputs(params["vgg"], standardise(x), len(params["heads"]))
    maps = []
    for k, feature in enumerate(features):
        head = params["heads"][f"lin{k}"]["weight"].reshape(1, 1, 1, -1)
        maps.append(math.sqrt(len(features) * head.size) * jnp.sqrt(head) * _unit(feature))
    return maps


_compiled = jax.jit(layer_distances)


def _in_range(images: Array) -> Array:
    return images.astype(jnp.float32) / jnp.float32(127.5) - jnp.float32(1)


def _unit(features: Array) -> Array:
    # Where all channels are zero the root's slope would be infinite, and a gradient no number.
    squares = jnp.square(features).sum(-1, keepdims=True)
    length = jnp.sqrt(jnp.maximum(squares, jnp.finfo(squares.dtype).tiny))
    return features / (length + jnp.float32(_EPSILON))
